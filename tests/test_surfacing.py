"""A mistake of llmtrace that is only logged fails the test it happens in."""

from __future__ import annotations

import logging

import pytest

from llmtrace.testing import CapturedSpans
from tests.scripted import ask
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer


def test_a_mistake_of_llmtrace_is_caught(
    server: ScriptedServer, spans: CapturedSpans, mistakes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmtrace.tracing.price.cost", lambda *args: 1 / 0)
    server.answers(answer())
    assert ask().text == "Read The Hobbit."
    (mistake,) = mistakes
    assert "ZeroDivisionError" in mistake
    mistakes.clear()
    (span,) = spans
    assert "llmtrace.cost" not in span.attributes


def test_what_others_log_is_theirs(mistakes: list[str]) -> None:
    logging.getLogger("llmtrace").warning("The exporter fails and is tried again")
    assert mistakes == []
