"""``manage.py llmtrace_status``: what a person reads, what a monitor reads, and how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from llmtrace.models import Ledger
from llmtrace.pipeline import ledgers
from llmtrace.pipeline.account import DIED, LEFT_OUT
from llmtrace.pipeline.ledger import ledger_of
from llmtrace.store.health import read
from tests.dashboard.ledgers import add, counted, ledger_row, ledgers_in
from tests.interpreter import lines, run
from tests.pipeline.making import entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with ledgers_in(tmp_path) as made:
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


def test_what_was_acknowledged_is_no_news_and_what_is_lost_later_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(counted(folder, "web-1-a", ended=10, dropped={"queue full": 4, LEFT_OUT: 2})) as book:
        code, out, _ = status(capsys)
        assert (code, "llmtrace_status --acknowledge" in out) == (1, True)
        code, _, err = status(capsys, "--acknowledge")
        assert (code, "Acknowledged: 4 spans" in err) == (0, True)
        code, out, _ = status(capsys)
        assert "collector: 4 spans were lost: queue full (acknowledged)" in out
        assert (code, "--acknowledge" in out) == (0, False)
        assert json.loads(status(capsys, "--json")[1])[0]["dropped"] == {"queue full": 4, LEFT_OUT: 2}
        add(book, "collector", ended=3, dropped={"queue full": 1})
        add(book, "files", ended=3, dropped={"queue full": 2})
        code, out, _ = status(capsys)
    assert code == 1
    for line in ("collector: 1 spans were lost: queue full\n", "files: 2 spans were lost: queue full\n"):
        assert line in out
    assert "collector: 4 spans were lost: queue full (acknowledged)" in out


def test_what_was_acknowledged_stays_so_when_it_goes_into_the_sum(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted(folder, "web-1-a", ended=4, dropped={"queue full": 4}).close()
    counted(folder, "web-2-b", ended=3).close()  # died with these in its memory
    assert status(capsys, "--acknowledge")[0] == 0
    ledgers.fold(folder, now=time.time() + ledgers.KEPT_S + 60)
    assert [each.alive for each in read().entries] == [False]
    assert status(capsys)[0] == 0
    ledger_of("web-9-z", "collector").dropped("queue full")
    assert status(capsys)[0] == 1


def test_other_machines_are_remembered_while_the_database_is_away(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger_row("pod-9-z", ended=5, dropped={"queue full": 5})
    assert status(capsys, "--acknowledge")[0] == 0
    with monkeypatch.context() as away:
        away.setattr(Ledger._meta, "db_table", "llmtrace_missing")
        assert status(capsys, "--acknowledge")[0] == 0
    assert status(capsys)[0] == 0
    Ledger.objects.update(dropped={"queue full": 6})
    assert status(capsys)[0] == 1


@pytest.mark.parametrize("damage", [b"", b"[[1]]", b"\xff", b'{"a": 1}'])
def test_where_nobody_knows_what_was_acknowledged_all_is_news(
    folder: Path, capsys: pytest.CaptureFixture[str], damage: bytes
) -> None:
    counted(folder, "web-1-a", ended=4, dropped={"queue full": 4}).close()
    assert status(capsys, "--acknowledge")[0] == 0
    (kept,) = folder.glob(".ledger-acknowledged")
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(damage)
    assert status(capsys)[0] == 1


def test_it_says_when_it_cannot_remember(capsys: pytest.CaptureFixture[str]) -> None:
    with override_settings(LLMTRACE={}), pytest.raises(CommandError, match="could not be remembered"):
        call_command("llmtrace_status", "--acknowledge")


def test_spans_of_an_exporter_that_was_renamed_are_told_of_until_they_are_sent(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def site(kind: str, name: str, **options: str) -> dict[str, Any]:
        return {"EXPORTERS": [entry(kind, name, **options)], "SPOOL": {"DIRECTORY": str(folder)}}

    code = """
    import django
    django.setup()
    from tests.pipeline.making import span
    span("one")
    """
    run(code, site("Away", "collector"))
    renamed = site("File", "backend", path=str(tmp_path / "sent"))
    run(code, renamed)
    with override_settings(LLMTRACE=renamed):
        exited, out, _ = status(capsys)
    assert "collector: 1 spans wait\n  They are on disk, and no entry of EXPORTERS has this NAME." in out
    assert (exited, len(lines(tmp_path / "sent"))) == (0, 1)
    code = """
    import django
    django.setup()
    from llmtrace.pipeline.fanout import fanout
    from pathlib import Path
    from tests.waiting import until
    fanout.pipes()
    until(lambda: not list(Path(settings.LLMTRACE["SPOOL"]["DIRECTORY"]).glob("*.spool")), "it is sent")
    """
    both = site("File", "collector", path=str(tmp_path / "sent"))
    both["EXPORTERS"] += renamed["EXPORTERS"]
    run(code, both)
    with override_settings(LLMTRACE=both):
        assert "wait\n" not in status(capsys)[1]
    assert len(lines(tmp_path / "sent")) == 2


@pytest.mark.parametrize("alias", ["away", "nowhere"])
def test_it_works_while_the_database_is_away(folder: Path, alias: str) -> None:
    counted(folder, "web-1-a", ended=1, sent=1).close()
    code = """
    import django, sys
    away = {"ENGINE": "django.db.backends.postgresql", "NAME": "away", "HOST": "127.0.0.1", "PORT": 1, "USER": "nobody"}
    settings.DATABASES = {"default": away, "away": away}
    django.setup()
    from django.core.management import CommandError, call_command
    call_command("llmtrace_status", stderr=sys.stdout)
    """
    out = run(code, {"SPOOL": {"DIRECTORY": str(folder)}, "DATABASE": alias})
    assert "collector  web-1-a" in out
    assert "The database does not answer" in out
