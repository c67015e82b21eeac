"""What the database has got already does not become more when it comes from the disk again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from llmtrace.models import Span
from llmtrace.pipeline.fanout import fanout
from llmtrace.tracing.content import CallContent
from llmtrace.tracing.setup import flush, get_tracer
from tests.pipeline.making import account, exporting
from tests.store.making import QUESTION
from tests.waiting import until


@pytest.fixture(autouse=True)
def allowed(django_db_blocker: DjangoDbBlocker) -> Any:
    with django_db_blocker.unblock():
        yield


def exporter(alias: str, **queue: Any) -> dict[str, Any]:
    return {"BACKEND": "llmtrace.exporters.Database", "OPTIONS": {"alias": alias}, "SPANS": "all", "QUEUE": queue}


def call(name: str) -> None:
    """A span that ended, with something said in it."""
    content = CallContent()
    content.add(lambda: {"gen_ai.input.messages": QUESTION}, 100)
    made = get_tracer("llmtrace.tests").start_span(
        name, attributes={"gen_ai.operation.name": "chat", "tags": ["a", "b"]}
    )
    fanout.attach(made.get_span_context().span_id, content)
    made.end()


def rows(alias: str) -> list[Any]:
    found = Span.objects.using(alias).with_content().order_by("name")
    return [(row.pk, row.name, row.trace_id, row.attributes, row.content.load()) for row in found]


def test_a_batch_whose_settling_was_never_written_down_comes_twice_and_is_kept_once(
    fresh_database: str, tmp_path: Path
) -> None:
    spool = {"DIRECTORY": str(tmp_path)}
    with exporting(exporter(fresh_database, durable=True, delay=3600), SPOOL=spool):
        for number in range(20):
            call(f"call {number:02}")
        (file,) = tmp_path.glob("*.spool")
        before = tmp_path / "before"
        shutil.copy(file, before)
        assert flush(10)
        assert account("Database").sent == 20
        kept = rows(fresh_database)
    assert [row[1] for row in kept] == [f"call {number:02}" for number in range(20)]
    assert {row[4]["gen_ai.input.messages"][0]["role"] for row in kept} == {"user"}
    assert list(tmp_path.glob("*.spool")) == []
    before.rename(file)  # as if the process had died between the database's answer and its own note of it
    with exporting(exporter(fresh_database), SPOOL=spool):
        fanout.pipes()
        until(lambda: not list(tmp_path.glob("*.spool")), "all is written again")
        assert rows(fresh_database) == kept


def test_what_was_on_disk_looks_like_what_was_not(fresh_database: str, tmp_path: Path) -> None:
    with exporting(exporter(fresh_database), SPOOL={"DIRECTORY": str(tmp_path)}):
        call("through memory")
        assert flush(10)
    with exporting(exporter(fresh_database, durable=True), SPOOL={"DIRECTORY": str(tmp_path)}):
        call("through the disk")
        assert flush(10)
    memory, disk = rows(fresh_database)
    assert (memory[1], disk[1]) == ("through memory", "through the disk")
    assert disk[3:] == memory[3:]
