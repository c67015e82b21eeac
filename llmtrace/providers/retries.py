"""A retry of an SDK, as the span of its call tells of it."""

from __future__ import annotations

import sys
from typing import Any

from opentelemetry import trace

from llmtrace import semconv


def note_retry(attempt: int, status: int | None, wait_s: float, cause: BaseException | None = None) -> None:
    """Put a retry of the SDK on the call's span, which is current while the SDK works.

    Args:
        attempt: the number of the attempt that failed, 1 for the first.
        status: its HTTP status, None when there was no answer.
        wait_s: seconds until the next attempt.
        cause: what was raised in place of an answer; the exception being handled if left out.
    """
    span = trace.get_current_span()
    if not span.is_recording():
        return
    attributes: dict[str, Any] = {semconv.RETRY_ATTEMPT: attempt, semconv.RETRY_WAIT: wait_s}
    error = sys.exc_info()[0] if cause is None else type(cause)
    if status is not None:
        attributes[semconv.HTTP_STATUS] = status
    elif error is not None:
        attributes[semconv.ERROR_TYPE] = f"{error.__module__}.{error.__qualname__}"
    span.add_event(semconv.RETRY_EVENT, attributes)
