"""Whether this process runs the tests of a project, which have to stay clean."""

from __future__ import annotations

import sys

from llmtrace.conf import DATABASE_BACKEND, Config, ExporterConfig


def under_test() -> bool:
    """Whether Django's test environment is set up, as its own runner and pytest-django do before the first test."""
    module = sys.modules.get("django.test.utils")
    return module is not None and hasattr(module._TestState, "saved_data")


def exporters(config: Config) -> tuple[ExporterConfig, ...]:
    """The exporters in force: in a host's test suite the database is written only when ``EXPORTERS`` asks for it."""
    if not config.enabled:
        return ()
    if "EXPORTERS" in config.given or not under_test():
        return config.exporters
    return tuple(entry for entry in config.exporters if entry.backend != DATABASE_BACKEND)
