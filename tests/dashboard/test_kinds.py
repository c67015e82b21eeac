"""What a span is to the person who reads."""

import pytest

from llmtrace import models
from llmtrace.dashboard import kinds


@pytest.mark.parametrize(
    ("span_kind", "operation", "kind"),
    [
        ("CLIENT", "chat", "call"),
        ("CLIENT", "embeddings", "call"),
        ("INTERNAL", "execute_tool", "tool"),
        ("INTERNAL", "invoke_agent", "agent"),
        ("SERVER", None, "request"),
        ("PRODUCER", None, "job"),
        ("CONSUMER", None, "job"),
        ("INTERNAL", None, "other"),
        ("", "something new", "other"),
    ],
)
def test_the_operation_decides_before_the_kind_of_the_span(
    span_kind: str, operation: str | None, kind: kinds.Kind
) -> None:
    assert kinds.kind_of(span_kind, operation) == kind


def test_pages_and_store_mean_the_same_by_a_call_and_a_failure() -> None:
    assert kinds.CALLS == models.CALL_OPERATIONS
    assert kinds.FAILED == models.ERROR
