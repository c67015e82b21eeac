"""What the tests of requests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connections
from django.test import override_settings

from tests.recorded import Recorded

OURS = "llmtrace.middleware.LLMTraceMiddleware"


@pytest.fixture
def site(recorded: Recorded) -> Iterator[Recorded]:
    """The site of `tests.requests.views` with our middleware alone; gives the spans that it leaves."""
    connections.close_all()  # the end of a request looks at those that tests before have left
    with override_settings(ROOT_URLCONF="tests.requests.views", MIDDLEWARE=[OURS]):
        yield recorded
