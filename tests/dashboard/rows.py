"""Rows of the store made by hand: single spans, and one trace as a shop would leave it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from llmtrace.models import Span, SpanContent

NOON: Final = datetime(2026, 11, 22, 11, 58, 18, 204_000, tzinfo=UTC)
TRACE: Final = "3f9a5d7e0c1b4a6f8e2d9c7b5a3fc1d2"
_numbers = count(1)


def span(
    name: str = "recommend_book", *, at: float = 0.0, content: dict[str, Any] | None = None, **fields: Any
) -> Span:
    """A stored span.

    Args:
        name: of the span.
        at: ms after `NOON`.
        content: what was said in it; none is kept where there is none.
        fields: columns; those left out are those of a good call of 1.2 s.
    """
    row = Span.objects.create(**columns(name, at=at, **fields))
    if content is not None:
        SpanContent.objects.create(span=row, data=json.dumps(content))
    return row


def columns(name: str = "recommend_book", *, at: float = 0.0, **fields: Any) -> dict[str, Any]:
    """The columns of a span for `span` and for `bulk_create`."""
    number = next(_numbers)
    return {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "name": name,
        "kind": "CLIENT",
        "service": "shop",
        "started_at": fields.pop("started_at", NOON + timedelta(milliseconds=at)),
        "duration_ms": 1200.0,
        "status": "UNSET",
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-4o-mini",
        **fields,
    }


def step(name: str, **fields: Any) -> Span:
    """A stored span that is no call of a model."""
    return span(name, **{"kind": "INTERNAL", "operation": None, "provider": None, "model": None, **fields})


def text(role: str, said: str, **more: Any) -> dict[str, Any]:
    """A message with one text."""
    return {"role": role, "parts": [{"type": "text", "content": said}], **more}


SYSTEM: Final = "You summarise reviews for shop owners in three sentences."
QUESTION: Final = "Summarise the 38 reviews of “The Name of the Wind”."
ANSWER: Final = (
    "Readers love the prose and the music of the book; a third wish that more happened. "
    "Two name the wait for the next volume."
)
STACK: Final = (
    "Traceback (most recent call last):\n"
    '  File "/srv/shop/books/jobs.py", line 31, in summarise_reviews\n'
    "    return str(summarise(title, reviews))\n"
    "openai.APITimeoutError: Request timed out.\n"
)
CALL: Final = {"type": "tool_call", "id": "call_1", "name": "find_reviews", "arguments": {"book_id": 1182, "limit": 38}}
RESULT: Final = {"type": "tool_call_response", "id": "call_1", "response": "38 reviews, 4.6 of 5 …"}
SUMMARY: Final = {
    "gen_ai.system_instructions": [{"type": "text", "content": SYSTEM}],
    "gen_ai.input.messages": [
        text("user", QUESTION),
        {"role": "assistant", "parts": [CALL]},
        {"role": "tool", "parts": [RESULT]},
    ],
    "gen_ai.output.messages": [text("assistant", ANSWER, finish_reason="end_turn")],
    "llmtrace.prompt.template": "SYSTEM: You summarise reviews …\nUSER: Summarise the {count} reviews of “{title}”.",
    "gen_ai.prompt.variable.title": "The Name of the Wind",
    "gen_ai.prompt.variable.count": 38,
}


def shop_trace() -> dict[str, Span]:
    """A request with a streamed call, and the job that it started, which went well at its second attempt."""
    common: dict[str, Any] = {"trace_id": TRACE, "user_id": "4711", "session_id": "9f2c44d1a8b3"}
    tags = {"llmtrace.tags": ["search", "beta"], "llmtrace.metadata.shelf": "fantasy"}
    job = {
        "celery.task_name": "summarise_reviews",
        "messaging.system": "redis",
        "messaging.destination.name": "default",
        "messaging.message.id": "7c1e7b8a",
        "llmtrace.job.attempt": 1,
    }
    return {
        "request": step(
            "POST /recommend/", kind="SERVER", span_id="a" * 16, duration_ms=2310.0,
            attributes={
                "http.request.method": "POST", "http.route": "recommend/", "http.response.status_code": 200, **tags,
            },
            **common,
        ),
        "recommend": span(
            "recommend_book", at=37, span_id="b" * 16, parent_id="a" * 16, duration_ms=1450.0, first_chunk_ms=415.0,
            input_tokens=512, output_tokens=228, cost_nano_usd=210_000, outcome="completed",
            attributes={"gen_ai.request.temperature": 0.7, "gen_ai.request.stream": True, **tags},
            content={
                "gen_ai.input.messages": [text("user", "Recommend a fantasy book")],
                "gen_ai.output.messages": [text("assistant", "Try “The Name of the Wind”.", finish_reason="stop")],
            },
            **common,
        ),
        "publish": step(
            "publish summarise_reviews", at=1481, kind="PRODUCER", span_id="c" * 16, parent_id="a" * 16,
            duration_ms=7.0, attributes={**job, "messaging.operation.name": "publish"}, **common,
        ),
        "run 1": step(
            "summarise_reviews", at=1919, kind="CONSUMER", span_id="d" * 16, parent_id="c" * 16, duration_ms=1180.0,
            events=[{"name": "exception", "offset_ms": 1.0, "attributes": {"exception.type": "a.APITimeoutError"}}],
            attributes={**job, "llmtrace.job.queue_time": 0.431, "celery.state": "RETRY"},
            job_state="RETRY", job_attempt=1, job_queue_ms=431.0, **common,
        ),
        "failed": span(
            "summarise", at=1930, span_id="e" * 16, parent_id="d" * 16, duration_ms=1160.0, model="claude-sonnet-4-5",
            provider="anthropic", status="ERROR", error_type="openai.APITimeoutError",
            attributes={
                "gen_ai.request.model": "claude-sonnet-4-5", "server.address": "api.anthropic.com", "server.port": 443,
            },
            events=[
                _retry(1, 210.0, **{"http.response.status_code": 429, "wait_s": 0.5}),
                _retry(2, 800.0, **{"http.response.status_code": 429, "wait_s": 0.9}),
                {"name": "exception", "offset_ms": 1158.0, "attributes": {"exception.type": "openai.APITimeoutError"}},
            ],
            content={
                **SUMMARY,
                "gen_ai.output.messages": [],
                "status_description": "APITimeoutError: Request timed out.",
                "events": {"2": {"exception.message": "Request timed out.", "exception.stacktrace": STACK}},
            },
            **common,
        ),
        "run 2": step(
            "summarise_reviews", at=4080, kind="CONSUMER", span_id="f" * 16, parent_id="c" * 16, duration_ms=2290.0,
            attributes={**job, "llmtrace.job.attempt": 2, "llmtrace.job.delay": 0.75,
            "llmtrace.job.queue_time": 0.03, "celery.state": "SUCCESS"}, **common,
        ),
        "summarise": span(
            "summarise", at=4095, span_id="1" * 16, parent_id="f" * 16, duration_ms=1260.0, first_chunk_ms=610.0,
            model="claude-sonnet-4-5", provider="anthropic", input_tokens=2104, output_tokens=311, cached_tokens=1536,
            reasoning_tokens=0, cost_nano_usd=10_980_000, outcome="completed",
            attributes={
                "gen_ai.request.model": "claude-sonnet-4-5", "gen_ai.response.model": "claude-sonnet-4-5",
                "gen_ai.request.temperature": 0.2,
                "gen_ai.request.max_tokens": 1024, "gen_ai.response.id": "msg_01X8sppiaZkQ3mB7",
                "gen_ai.response.finish_reasons": ["end_turn"], "gen_ai.prompt.name": "summarise",
                "gen_ai.prompt.version": "3f9a11c0", "server.address": "api.anthropic.com", "server.port": 443, **tags,
            },
            events=[_retry(1, 120.0, **{"http.response.status_code": 429, "wait_s": 0.5})],
            content=SUMMARY, **common,
        ),
        "tool": span(
            "execute_tool find_reviews", at=4660, kind="INTERNAL", operation="execute_tool", provider=None, model=None,
            span_id="2" * 16, parent_id="1" * 16, duration_ms=112.0,
            attributes={"gen_ai.tool.name": "find_reviews", "gen_ai.tool.call.id": "call_1"},
            content={"gen_ai.tool.call.arguments": CALL["arguments"], "gen_ai.tool.call.result": RESULT["response"]},
            **common,
        ),
        "embed": span(
            "embed text-embedding-3-small", at=5370, operation="embeddings", model="text-embedding-3-small",
            span_id="3" * 16, parent_id="f" * 16, duration_ms=158.0, input_tokens=311, cost_nano_usd=10_000, **common,
        ),
        "publish 2": step(
            "publish notify_owner", at=5540, kind="PRODUCER", span_id="4" * 16, parent_id="f" * 16, duration_ms=4.0,
            **common,
        ),
        "notify": step(
            "notify_owner", at=5570, kind="CONSUMER", span_id="5" * 16, parent_id="4" * 16, duration_ms=789.0,
            attributes={"llmtrace.job.attempt": 1, "messaging.message.id": "0b5d"}, **common,
        ),
    }  # fmt: skip


def _retry(attempt: int, offset_ms: float, **told: Any) -> dict[str, Any]:
    return {"name": "llmtrace.retry", "offset_ms": offset_ms, "attributes": {"attempt": attempt, **told}}
