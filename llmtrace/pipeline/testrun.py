"""Whether this process runs the tests of a project, which have to stay clean."""

from __future__ import annotations

import sys


def under_test() -> bool:
    """Whether Django's test environment is set up, as its own runner and pytest-django do before the first test."""
    module = sys.modules.get("django.test.utils")
    return module is not None and hasattr(module._TestState, "saved_data")
