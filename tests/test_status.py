"""``manage.py llmtrace_status``: what a person reads, what a monitor reads, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from llmtrace.models import Ledger
from llmtrace.pipeline.account import DIED, LEFT_OUT
from tests.dashboard.ledgers import counted
from tests.interpreter import run

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "spool"
    made.mkdir(0o700)
    with override_settings(LLMTRACE={"SPOOL": {"DIRECTORY": str(made)}}):
        yield made


def status(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    """The exit code, and what was said to the one and the other."""
    code: Any = 0
    try:
        call_command("llmtrace_status", *options)
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return code, said.out, said.err


def test_json_has_an_object_for_each_process_and_exporter(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(counted(folder, "web-1-a", ended=10, sent=7, dropped={LEFT_OUT: 2})):
        counted(folder, "web-2-b", "files", ended=3, last_error="no space", last_error_at=datetime.now(UTC)).close()
        code, out, err = status(capsys, "--json")
    numbers = {"ended": 10, "sent": 7, "waiting": 1, "dropped": {LEFT_OUT: 2}, "failed_closed": 0, "last_error": None}
    assert json.loads(out) == [
        {"process": "web-1-a", "exporter": "collector", **numbers},
        {
            "process": "web-2-b",
            "exporter": "files",
            "ended": 3,
            "sent": 0,
            "waiting": 0,
            "dropped": {DIED: 3},
            "failed_closed": 0,
            "last_error": "no space",
        },
    ]
    assert (code, err) == (1, "")


def test_what_a_filter_left_out_and_what_waits_is_no_loss(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counted(folder, "web-1-a", ended=10, sent=3, spooled=4, dropped={LEFT_OUT: 3}).close()
    assert status(capsys, "--json")[0] == 0
    code, out, _ = status(capsys)
    assert code == 0
    assert "lost" not in out


def test_a_person_reads_the_numbers_what_is_wrong_and_what_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(counted(folder, "web-1-a", ended=1200, sent=1100, dropped={"queue full": 99})):
        counted(folder, "web-2-b", "files", ended=5, spooled=5).close()
        code, out, _ = status(capsys)
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["exporter", "process", "ended", "sent", "waiting", "dropped", "state"]
    assert ["collector", "web-1-a", "1200", "1100", "1", "99", "running"] in lines
    assert ["collector", "all", "1200", "1100", "1", "99"] in lines
    assert "collector: 99 spans were lost: queue full\n  More spans ended than the exporter could take." in out
    assert "files: 5 spans wait\n  They are on disk" in out
    assert code == 1


def test_nothing_has_ended_yet(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(capsys) == (0, "No process has ended a span yet, or none could keep its numbers.\n", "")
    assert status(capsys, "--json") == (0, "[]\n", "")


def test_processes_of_other_machines_are_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"folder": "elsewhere", "process": "db-9-z", "exporter": "collector", "dropped": {}, "alive": True}
    numbers = {"ended": 2, "sent": 2, "waiting": 0, "spooled": 0, "failed_closed": 0}
    Ledger.objects.create(**row, **numbers, seen_at=datetime.now(UTC))
    counted(folder, "web-1-a", ended=1, sent=1).close()
    assert [entry["process"] for entry in json.loads(status(capsys, "--json")[1])] == ["web-1-a", "db-9-z"]


@pytest.mark.parametrize("alias", ["away", "nowhere"])
def test_it_works_while_the_database_is_away(folder: Path, alias: str) -> None:
    counted(folder, "web-1-a", ended=1, sent=1).close()
    code = """
    import django, sys
    away = {"ENGINE": "django.db.backends.postgresql", "NAME": "away", "HOST": "127.0.0.1", "PORT": 1, "USER": "nobody"}
    settings.DATABASES = {"default": away, "away": away}
    django.setup()
    from django.core.management import call_command
    call_command("llmtrace_status", stderr=sys.stdout)
    """
    out = run(code, {"SPOOL": {"DIRECTORY": str(folder)}, "DATABASE": alias})
    assert "collector  web-1-a" in out
    assert "The database does not answer" in out
