"""A host project whose spans go to several exporters at once, and a witness that writes down each span that ended."""
