"""The host's app."""
