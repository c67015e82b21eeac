"""Each attempt that the SDK makes again is an event on the call's span, and the answer is that of the last."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from llmtrace import LLM
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.testing import CapturedSpans
from tests.scripted import ask, open_stream
from tests.servers.http import ScriptedServer, reset
from tests.servers.openai import TEXT, answer, refusal, stream, unavailable


def retries(span: EndedSpan) -> list[dict[str, Any]]:
    """The attributes of the span's retry events."""
    return [dict(event.attributes or {}) for event in span.events if event.name == "llmtrace.retry"]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_an_answer_that_asks_for_another_attempt(server: ScriptedServer, spans: CapturedSpans, status: int) -> None:
    server.answers(unavailable(status), unavailable(status), answer())
    assert ask().text == TEXT
    (span,) = spans
    assert retries(span) == [
        {"attempt": 1, "http.response.status_code": status, "wait_s": 0.001},
        {"attempt": 2, "http.response.status_code": status, "wait_s": 0.001},
    ]
    assert "error.type" not in span.attributes


def test_a_connection_that_breaks(server: ScriptedServer, spans: CapturedSpans, no_waiting: None) -> None:
    server.answers(reset(), answer())
    assert ask().text == TEXT
    (span,) = spans
    (retry,) = retries(span)
    assert retry.pop("wait_s") >= 0
    assert retry == {"attempt": 1, "error.type": "httpx2.ReadError"}


async def test_the_same_in_async_code(server: ScriptedServer, spans: CapturedSpans, no_waiting: None) -> None:
    server.answers(unavailable(500), reset(), answer())
    assert (await LLM("gpt-4o-mini").achat("Recommend a fantasy book")).text == TEXT
    (span,) = spans
    assert [retry["attempt"] for retry in retries(span)] == [1, 2]


def test_a_stream_that_begins_at_the_second_attempt(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(unavailable(500), stream())
    assert "".join(chunk.text for chunk in open_stream()) == TEXT
    (span,) = spans
    assert [retry["attempt"] for retry in retries(span)] == [1]
    assert span.attributes["llmtrace.stream.outcome"] == "completed"


def test_the_last_attempt_is_no_retry(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(*[unavailable(500) for _ in range(3)])
    with pytest.raises(openai.InternalServerError):
        ask()
    (span,) = spans
    assert len(server.requests) == 3
    assert [retry["attempt"] for retry in retries(span)] == [1, 2]
    assert span.attributes["error.type"] == "openai.InternalServerError"


def test_how_often_is_for_the_call_to_say(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(unavailable(500), unavailable(500), unavailable(500), unavailable(500), answer(), refusal(500))
    assert ask(max_retries=4).text == TEXT
    with pytest.raises(openai.InternalServerError):
        ask(max_retries=0)
    persistent, once = spans
    assert [retry["attempt"] for retry in retries(persistent)] == [1, 2, 3, 4]
    assert retries(once) == []


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK waits half a second where no answer says how long."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.001)
