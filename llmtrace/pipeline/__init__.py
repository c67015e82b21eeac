"""The way of an ended span: fan-out to one pipe for each exporter, its queue, its filters, its thread."""
