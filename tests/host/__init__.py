"""A project of somebody else, with a test suite of its own that must not notice llmtrace."""
