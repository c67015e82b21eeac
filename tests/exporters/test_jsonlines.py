"""Spans in a file: whole lines, whoever else writes, for nobody else to read."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import resource
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Link, Status, StatusCode

from llmtrace.exporters import JSONLines, jsonlines
from llmtrace.pipeline.outcome import Exported, RetryLater
from llmtrace.tracing.setup import flush
from tests.pipeline.making import account, exporting, span
from tests.store.making import CALL, QUESTION, START_NS, context, ended

WRITERS, BATCHES, SPANS = 4, 25, 8


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_has_all_of_a_span(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    event = Event("llmtrace.retry", {"attempt": 1}, START_NS)
    whole = ended(
        {**CALL, "lone": "\ud800", "nul": "\0"},
        context_=context(0xABC, 0xDEF),
        parent=context(0xABC, 0x123),
        events=[event],
        links=[Link(context(0x1, 0x2), {"why": "retry"})],
        status=Status(StatusCode.ERROR, "too slow"),
    )
    assert JSONLines(path).export([whole]) == Exported(1)
    (line,) = lines(path)
    attributes = line.pop("attributes")
    assert line == {
        "trace_id": f"{0xABC:032x}",
        "span_id": f"{0xDEF:016x}",
        "parent_id": f"{0x123:016x}",
        "name": "recommend_book",
        "kind": "CLIENT",
        "started_at": "2026-03-01T12:30:15.123456Z",
        "duration_ms": 250.0,
        "status": "ERROR",
        "status_description": "too slow",
        "events": [{"name": "llmtrace.retry", "at": "2026-03-01T12:30:15.123456Z", "attributes": {"attempt": 1}}],
        "links": [{"trace_id": f"{1:032x}", "span_id": f"{2:016x}", "attributes": {"why": "retry"}}],
        "resource": {"service.name": "shop"},
        "scope": "llmtrace",
    }
    assert attributes["gen_ai.input.messages"] == QUESTION
    assert (attributes["lone"], attributes["nul"]) == ("�", "\0")


def test_the_file_is_for_its_owner_alone_and_made_again_when_it_was_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    exporter = JSONLines(str(path))
    exporter.export([ended()])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.rename(tmp_path / "spans.jsonl.1")
    exporter.export([ended(), ended()])
    assert len(lines(path)) == 2


def write(path: Path, number: int) -> None:
    exporter = JSONLines(path)
    for batch in range(BATCHES):
        exporter.export([ended({"text": "x" * 5000}, name=f"{number} {batch} {each}") for each in range(SPANS)])


def test_lines_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    forking = multiprocessing.get_context("fork")
    writers = [forking.Process(target=write, args=(path, number)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    names = [line["name"] for line in lines(path)]
    assert len(set(names)) == len(names) == WRITERS * BATCHES * SPANS
    batches = [name.rpartition(" ")[0] for name in names[::SPANS]]
    assert len(set(batches)) == WRITERS * BATCHES  # each batch stands together


def test_a_batch_waits_while_another_is_written(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    with path.open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        writer = threading.Thread(target=JSONLines(path).export, args=([ended()],))
        writer.start()
        writer.join(0.1)
        assert path.read_text() == ""
    writer.join(10)
    assert len(lines(path)) == 1


def test_a_child_that_is_forked_meanwhile_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read, children = tmp_path / "spans.jsonl", os.pipe(), []
    write = jsonlines._write

    def forking(*args: Any) -> None:
        write(*args)
        children.append(os.fork())
        if not children[0]:
            os.close(read[1])
            os.read(read[0], 1)  # until its parent lets go
            os._exit(0)

    with monkeypatch.context() as patched:
        patched.setattr(jsonlines, "_write", forking)
        JSONLines(path).export([ended()])
    try:
        with path.open("a") as other:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(read[1])
        os.waitpid(children[0], 0)
        os.close(read[0])


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text('{"name": "cut o')
    JSONLines(path).export([ended(name="next")])
    assert path.read_text().splitlines()[0] == '{"name": "cut o'
    assert json.loads(path.read_text().splitlines()[1])["name"] == "next"


def fill(path: Path) -> None:
    """Write past the largest size that a file of this process may have."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    exporter = JSONLines(path)
    exporter.export([ended()])
    before = path.read_bytes()
    with pytest.raises(RetryLater, match="the file cannot be written: File too large"):
        exporter.export([ended({"text": "x" * 15_000}), ended({"text": "x" * 15_000})])
    assert path.read_bytes() == before


def test_a_batch_that_does_not_fit_on_the_disk_leaves_nothing_and_waits(tmp_path: Path) -> None:
    writer = multiprocessing.get_context("fork").Process(target=fill, args=(tmp_path / "spans.jsonl",))
    writer.start()
    writer.join(30)
    assert writer.exitcode == 0


def test_a_folder_that_is_not_there_waits_for_a_person(tmp_path: Path) -> None:
    with pytest.raises(RetryLater, match="No such file or directory") as raised:
        JSONLines(tmp_path / "nowhere" / "spans.jsonl").export([ended()])
    assert "nowhere" not in str(raised.value)


def test_an_entry_of_the_settings_writes_spans(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    with exporting({"BACKEND": "llmtrace.exporters.JSONLines", "OPTIONS": {"path": path}}):
        span("hello")
        assert flush(10)
        assert account("JSONLines").sent == 1
    assert lines(path)[0]["name"] == "hello"


@pytest.mark.parametrize("options", [{"path": ""}, {"path": None}, {"path": 3}])
def test_a_mistake_is_found_by_the_checks(options: dict[str, Any]) -> None:
    assert JSONLines.check_options(options) == 'has a "path" that is none'
