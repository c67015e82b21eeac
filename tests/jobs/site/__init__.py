"""A host project with jobs, run as real processes: a worker, and visits that send it work."""
