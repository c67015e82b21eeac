"""A mistake of llmtrace that is only logged fails the test it happens in."""

from __future__ import annotations

import logging

import pytest

from llmtrace.mistakes import tell
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


def test_a_mistake_is_told_once_and_again_at_debug_level(
    mistakes: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmtrace.mistakes._told", set())
    for what in ("This went wrong.", "This went wrong.", "That went wrong."):
        try:
            raise RuntimeError("of ours")
        except RuntimeError:
            tell(logging.getLogger("llmtrace"), what)
    assert [record.levelname for record in caplog.records] == ["ERROR", "DEBUG", "ERROR"]
    assert len(mistakes) == 3
    assert all("RuntimeError: of ours" in mistake for mistake in mistakes)
    mistakes.clear()


def test_what_others_log_is_theirs(mistakes: list[str]) -> None:
    logging.getLogger("llmtrace").warning("The exporter fails and is tried again")
    assert mistakes == []
