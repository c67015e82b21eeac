"""An exporter that could not be made loses nothing in silence: its numbers say what should have gone to it."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.tracing.setup import flush
from tests.pipeline.making import account, balanced, entry, exporting, span

LOST = "exporter could not be made"
TRUNCATE = {"BACKEND": "llmtrace.filters.Truncate"}  # without its length


@pytest.mark.parametrize(
    "broken",
    [
        {"BACKEND": "no.such.Exporter"},
        {"BACKEND": "pathlib.Path"},
        {"BACKEND": "llmtrace.exporters.Honeycomb", "OPTIONS": {"region": "eu"}},
        {**entry("Kept", into=[]), "FILTERS": [TRUNCATE]},
        {**entry("Kept", into=[]), "FILTERS": TRUNCATE},
    ],
)
def test_what_should_have_gone_there_is_counted(broken: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HONEYCOMB_API_KEY", raising=False)
    kept: list[ReadableSpan] = []
    with exporting({**broken, "NAME": "broken"}, entry("Kept", "good", into=kept)):
        span("one")
        span("other")
        assert flush(10)
        numbers = account("broken")
    assert (numbers.ended, numbers.sent, numbers.dropped) == (2, 0, {LOST: 2})
    assert balanced(numbers)
    assert numbers.lost == 2
    assert [each.name for each in kept] == ["one", "other"]


def test_a_filter_for_all_that_could_not_be_made_leaves_nobody_anything_and_each_counts() -> None:
    kept: list[ReadableSpan] = []
    with exporting(entry("Kept", "one", into=kept), entry("Kept", "other", into=kept), FILTERS=[TRUNCATE]):
        span("mine")
        assert flush(10)
        assert [account(name).dropped for name in ("one", "other")] == [{LOST: 1}, {LOST: 1}]
    assert kept == []


def test_what_the_entry_did_not_want_is_not_counted() -> None:
    with exporting(
        {"NAME": "none", "BACKEND": "no.such.Exporter", "SAMPLE": 0},
        {"NAME": "llm", "BACKEND": "no.such.Exporter", "SPANS": "llm"},
    ):
        span("a step")
        assert flush(10)
        assert [account(name).ended for name in ("none", "llm")] == [0, 0]
