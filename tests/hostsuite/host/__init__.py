"""A project whose test suite is run as its own developers would run it, with llmtrace and without."""
