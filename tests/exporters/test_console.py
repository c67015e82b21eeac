"""Spans in the terminal: a line each, and nothing in it that steers the terminal."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import Status, StatusCode

from llmtrace.exporters import Console
from llmtrace.pipeline.outcome import Exported
from llmtrace.tracing.setup import flush
from tests.pipeline.making import exporting, span
from tests.store.making import CALL, context, ended


def shown(capsys: pytest.CaptureFixture[str], attributes: Any = CALL, content: bool = False, **fields: Any) -> str:
    assert Console(content=content).export([ended(attributes, **fields)]) == Exported(1)
    return capsys.readouterr().out


def test_a_call_is_a_line_with_what_is_known_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    line = shown(capsys, context_=context(0xABC, 0xDEF))
    assert line == (
        "2026-03-01T12:30:15.123456Z  250 ms  recommend_book  gpt-4o-mini-2024-07-18  12+5 tokens  $0.000123  "
        "trace 00000000000000000000000000000abc span 0000000000000def\n"
    )


@pytest.mark.parametrize(("cost", "told"), [(2e-8, "$0.00000002 "), (9.15e-06, "$0.00000915 "), (1.5, "$1.5 ")])
def test_a_small_cost_is_no_power_of_ten(capsys: pytest.CaptureFixture[str], cost: float, told: str) -> None:
    assert told in shown(capsys, {"llmtrace.cost": cost})


@pytest.mark.parametrize(("cost", "told"), [(float("nan"), '"NaN"'), ("much", "much"), (3, "3")])
def test_a_cost_of_others_that_is_none_is_shown_as_it_is(
    capsys: pytest.CaptureFixture[str], cost: object, told: str
) -> None:
    assert f"${told} " in shown(capsys, {"llmtrace.cost": cost})


def test_what_is_unknown_is_left_out_and_an_error_named(capsys: pytest.CaptureFixture[str]) -> None:
    line = shown(capsys, {"error.type": "TimeoutError"}, status=Status(StatusCode.ERROR), end=None)
    assert line.startswith("2026-03-01T12:30:15.123456Z  recommend_book  ERROR TimeoutError  trace ")
    assert "tokens" not in line
    assert "$" not in line


def test_what_was_said_is_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Momo" not in shown(capsys)
    lines = shown(capsys, content=True).splitlines()
    assert lines[1].startswith('    gen_ai.input.messages: [{"role":"user"')
    assert "Momo." in lines[2]


def test_hostile_texts_do_not_steer_the_terminal_or_fill_it(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = {**CALL, "gen_ai.output.messages": "\x1b]0;gone\x07\r\n" + "x" * 10_000}
    out = shown(capsys, hostile, content=True, name="name\x1b[2J\nnext")
    assert "\x1b" not in out
    assert "\x07" not in out
    assert len(out.splitlines()) == 3
    assert r"name\x1b[2J\nnext" in out
    assert "(8" in out


def test_an_entry_of_the_settings_shows_spans(capsys: pytest.CaptureFixture[str]) -> None:
    with exporting({"BACKEND": "llmtrace.exporters.Console", "OPTIONS": {"stream": "stderr"}}):
        span("hello")
        assert flush(10)
    assert "hello" in capsys.readouterr().err


def test_a_mistake_is_found_by_the_checks() -> None:
    assert Console.check_options({"stream": "stdin"}) == 'has a "stream" that is neither "stdout" nor "stderr"'
    assert Console.check_options({"content": "false"}) == 'has a "content" that is not True or False'
    assert Console.check_options({"content": True}) is Console.check_options({}) is None
