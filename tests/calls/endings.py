"""What has to hold after a stream has ended in whatever way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import StatusCode

from llmtrace.pipeline.ended import EndedSpan
from llmtrace.testing import CapturedSpans
from tests.scripted import ask
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, chunk

TOLD: Final = [chunk("", delta={"role": "assistant"}), chunk("Read "), chunk("The ")]
"""The beginning of an answer, up to where a test lets it break."""

COUNTED: Final = {"prompt_tokens": 21, "completion_tokens": 2}
"""The usage so far, as hosts send it that tell it with each event."""

STATUS: Final = {
    "completed": StatusCode.UNSET,
    "failed": StatusCode.ERROR,
    "cut_short": StatusCode.ERROR,
    "cancelled": StatusCode.UNSET,
    "abandoned": StatusCode.UNSET,
}


def ended(
    spans: CapturedSpans,
    server: ScriptedServer,
    outcome: str,
    text: str | None = "Read The ",
    usage: tuple[int | None, int | None] = (None, None),
    error_type: str | None = None,
) -> EndedSpan:
    """The stream's span, the only one there is, after everything that DESIGN's table says of it has been checked."""
    (span,) = spans
    attributes = span.attributes
    assert attributes["llmtrace.stream.outcome"] == outcome
    assert span.status.status_code is STATUS[outcome]
    assert attributes.get("error.type") == error_type
    assert said(attributes) == text
    assert (attributes.get("gen_ai.usage.input_tokens"), attributes.get("gen_ai.usage.output_tokens")) == usage
    assert ("gen_ai.response.time_to_first_chunk" in attributes) is (text is not None)
    nothing_is_current(spans, server, span)
    return span


def said(attributes: Mapping[str, Any]) -> str | None:
    """The text of the answer, None where nothing was said."""
    messages: Sequence[Any] = attributes.get("gen_ai.output.messages", ())
    return "".join(part["content"] for part in messages[0]["parts"]) if messages else None


def nothing_is_current(spans: CapturedSpans, server: ScriptedServer, span: EndedSpan) -> None:
    """The next call in this thread is no child of the span, which has not ended a second time either."""
    assert trace.get_current_span() is trace.INVALID_SPAN
    server.answers(answer())
    ask()
    first, following = spans
    assert first is span
    assert following.parent is None
    assert following.context is not None
    assert span.context is not None
    assert following.context.trace_id != span.context.trace_id
