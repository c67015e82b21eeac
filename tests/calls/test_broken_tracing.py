"""When something of llmtrace breaks, the call goes on."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from llmtrace import LLM
from llmtrace.providers.openai_chat import ChatCompletions
from llmtrace.testing import CapturedSpans, captured_spans
from tests.scripted import ask
from tests.servers.http import ScriptedServer
from tests.servers.openai import TEXT, answer

FAKE = {"default": {"BACKEND": "llmtrace.providers.Fake"}}


def test_attributes_that_cannot_be_read_are_left_out_and_the_call_is_made(
    monkeypatch: pytest.MonkeyPatch, mistakes: list[str]
) -> None:
    def broken(self: Any, body: Any) -> Any:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(ChatCompletions, "request_attributes", broken)
    with captured_spans(PROVIDERS=FAKE) as spans:
        assert LLM().chat("Hello").text == "You said: Hello"
        (span,) = spans
    assert span.attributes["gen_ai.provider.name"] == "fake"
    assert "gen_ai.request.model" not in span.attributes
    assert "a mistake of ours" in mistakes.pop()


def test_an_answer_that_nothing_of_ours_understands_is_the_callers_all_the_same(
    server: ScriptedServer, spans: CapturedSpans, mistakes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> Any:
        raise KeyError("a form that nobody has foreseen")

    monkeypatch.setattr(ChatCompletions, "answer", fail)
    server.answers(answer())
    reply = ask()
    assert (reply.text, reply.usage.input_tokens, reply.raw.choices[0].message.content) == ("", None, TEXT)
    assert len(mistakes) == 1
    assert "could not be read" in mistakes.pop()
    (span,) = spans
    assert span.status.status_code is StatusCode.UNSET
