"""What the tests of requests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import override_settings

from tests.recorded import Recorded

OURS = "llmtrace.middleware.LLMTraceMiddleware"


@pytest.fixture
def site(recorded: Recorded) -> Iterator[Recorded]:
    """The site of `tests.requests.views` with our middleware alone; gives the spans that it leaves."""
    request_finished.disconnect(close_old_connections)  # as its test client does; some test may have left one
    try:
        with override_settings(ROOT_URLCONF="tests.requests.views", MIDDLEWARE=[OURS]):
            yield recorded
    finally:
        request_finished.connect(close_old_connections)
