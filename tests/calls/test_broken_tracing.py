"""When something of llmtrace breaks, the call goes on."""

from __future__ import annotations

from typing import Any

import pytest

from llmtrace import LLM
from llmtrace.providers.openai_chat import ChatCompletions
from llmtrace.testing import captured_spans

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
