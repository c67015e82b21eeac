"""The filters of all exporters run once for each span; what they do to it holds for every exporter, which counts it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.checks import check_settings
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.tracing.setup import flush
from tests.pipeline.making import account, balanced, entry, exporting, span

EXPORTERS = ("one", "other", "third")


def sieve(act: Callable[[EndedSpan], Any]) -> dict[str, Any]:
    return {"BACKEND": "tests.pipeline.exporters.Sieve", "OPTIONS": {"act": act}}


def everywhere(kept: dict[str, list[ReadableSpan]], told: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Three exporters, the last with a filter of its own, and a span processor."""
    own = sieve(lambda ended: ended.edited(name=f"{ended.name} of the third"))
    return [
        entry("Kept", "one", into=kept["one"]),
        entry("Kept", "other", into=kept["other"]),
        entry("Kept", "third", into=kept["third"], FILTERS=[own]),
        entry("Processor", told=told),
    ]


@pytest.fixture(autouse=True)
def unreported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmtrace.pipeline.filtering._reported", set())


def test_common_filters_run_once_for_each_span_however_many_exporters_there_are() -> None:
    seen = Counter[str]()
    kept: dict[str, list[ReadableSpan]] = {name: [] for name in EXPORTERS}
    told: list[tuple[str, str]] = []

    def act(ended: EndedSpan) -> EndedSpan:
        seen[ended.name] += 1
        return ended.edited(name=f"{ended.name}!")

    with exporting(*everywhere(kept, told), FILTERS=[sieve(act)]):
        for number in range(100):
            span(str(number))
        assert flush(10)
    assert seen == Counter({str(number): 1 for number in range(100)})
    expected = [f"{number}!" for number in range(100)]
    assert [each.name for each in kept["one"]] == [each.name for each in kept["other"]] == expected
    assert [each.name for each in kept["third"]] == [f"{name} of the third" for name in expected]
    assert [name for what, name in told if what == "end"] == expected


def renamed(ended: EndedSpan, /, suffix: str) -> EndedSpan:
    return ended.edited(name=f"{ended.name}{suffix}")


def test_a_function_is_a_filter_and_gets_its_options_beside_each_span() -> None:
    kept: list[ReadableSpan] = []
    filters = [{"BACKEND": f"{__name__}.renamed", "OPTIONS": {"suffix": suffix}} for suffix in "!?"]
    with exporting(entry("Kept", into=kept, FILTERS=filters[1:]), FILTERS=filters[:1]):
        assert check_settings() == []
        span("one")
        assert flush(10)
    assert [each.name for each in kept] == ["one!?"]


def argumentless() -> None:
    """No filter."""


@pytest.mark.parametrize(
    ("path", "options", "words", "hint"),
    [
        ("renamed", {"sufix": "!"}, "missing a required argument: 'suffix'", "It takes: suffix."),
        ("renamed", {}, "missing a required argument: 'suffix'", "It takes: suffix."),
        ("argumentless", {}, "too many positional arguments", "It takes: none."),
    ],
)
def test_a_function_that_cannot_be_called_so_is_told(path: str, options: Any, words: str, hint: str) -> None:
    entries = [{"BACKEND": f"{__name__}.{path}", "OPTIONS": options}]
    with exporting(entry("Kept", into=[]), FILTERS=entries):
        (message,) = check_settings()
    assert (message.id, message.hint) == ("llmtrace.E005", hint)
    assert words in message.msg


def test_two_exporters_that_come_at_the_same_time_run_them_once() -> None:
    seen: list[str] = []
    kept: dict[str, list[ReadableSpan]] = {name: [] for name in EXPORTERS}
    inside, gate = threading.Event(), threading.Event()

    def act(ended: EndedSpan) -> EndedSpan:
        seen.append(ended.name)
        inside.set()
        assert gate.wait(10)
        return ended

    with exporting(*(entry("Kept", name, into=kept[name]) for name in EXPORTERS), FILTERS=[sieve(act)]):
        span("one")
        flushing = threading.Thread(target=flush, args=(10,))
        flushing.start()
        assert inside.wait(10)
        assert not flush(0.1)  # the other two have come in the meantime
        gate.set()
        flushing.join()
        assert flush(10)
    assert seen == ["one"]
    assert [len(spans) for spans in kept.values()] == [1, 1, 1]


@pytest.mark.parametrize("result", ["raised ValueError", "returned a dict in place of a span"])
def test_a_common_filter_that_fails_lets_a_span_go_nowhere_and_each_exporter_counts_it(
    result: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept: dict[str, list[ReadableSpan]] = {name: [] for name in EXPORTERS}
    told: list[tuple[str, str]] = []

    def act(ended: EndedSpan) -> Any:
        if ended.name == "good":
            return ended
        if result.startswith("raised"):
            raise ValueError("hunter2")
        return {"name": ended.name}

    with exporting(*everywhere(kept, told), FILTERS=[sieve(act)]):
        for name in ("bad", "good", "bad"):
            span(name)
        assert flush(10)
        for name in (*EXPORTERS, "Processor"):
            numbers = account(name)
            assert (numbers.ended, numbers.sent, numbers.failed_closed) == (3, 1, 2), name
            assert balanced(numbers)
    assert [len(spans) for spans in kept.values()] == [1, 1, 1]
    assert [name for what, name in told if what == "end"] == ["good"]
    (line,) = [record.getMessage() for record in caplog.records if "its spans go nowhere" in record.getMessage()]
    assert f"Sieve {result}" in line
    assert "hunter2" not in caplog.text


def test_what_a_common_filter_leaves_out_each_exporter_counts() -> None:
    kept: dict[str, list[ReadableSpan]] = {name: [] for name in EXPORTERS}
    act = {"left out": None}
    with exporting(*everywhere(kept, []), FILTERS=[sieve(lambda ended: act.get(ended.name, ended))]):
        span("left out")
        span("kept")
        assert flush(10)
        for name in (*EXPORTERS, "Processor"):
            assert account(name).dropped == {"left out by a filter": 1}
            assert account(name).sent == 1
    assert [len(spans) for spans in kept.values()] == [1, 1, 1]


def test_a_filter_of_one_exporter_that_fails_fails_for_that_one_alone() -> None:
    plain: list[ReadableSpan] = []
    strict: list[ReadableSpan] = []

    def act(ended: EndedSpan) -> EndedSpan:
        raise KeyError(ended.name)

    own = entry("Kept", "strict", into=strict, FILTERS=[sieve(act)])
    with exporting(own, entry("Kept", "plain", into=plain)):
        span("one")
        assert flush(10)
        assert (account("strict").failed_closed, account("plain").failed_closed) == (1, 0)
    assert (len(strict), len(plain)) == (0, 1)


def test_of_what_a_filter_fails_on_a_durable_queue_keeps_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept: list[ReadableSpan] = []

    def act(ended: EndedSpan) -> EndedSpan:
        if ended.name == "good":
            return ended
        raise ValueError(ended.name)

    durable = entry("Kept", "durable", into=kept, QUEUE={"durable": True, "delay": 600}, FILTERS=[sieve(act)])
    plain = entry("Kept", "plain", into=[])
    with exporting(durable, plain, SPOOL={"DIRECTORY": str(tmp_path)}):
        for name in ("bad of the first", "bad of the second", "good"):
            span(name)
        on_disk = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
        assert b"good" in on_disk
        assert b"bad of the" not in on_disk
        assert flush(10)
        numbers = account("durable")
        assert (numbers.ended, numbers.sent, numbers.waiting) == (3, 1, 0)
        assert (numbers.failed_closed, account("plain").failed_closed) == (2, 0)
        assert balanced(numbers)
    assert [each.name for each in kept] == ["good"]
    assert len([record for record in caplog.records if "its spans go nowhere" in record.getMessage()]) == 1
    assert "bad of the" not in caplog.text
