"""A database that takes a connection and never answers: what can be told without it is told all the same."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

import psycopg
import pytest
from pytest_django import DjangoDbBlocker

from tests.dashboard.ledgers import counted
from tests.databases import new_database, server_settings
from tests.interpreter import run
from tests.services import SERVERS

SILENT: Final = "no answer within 3 s"
BEGIN: Final = """
import django, time
settings.DATABASES = {{"default": {database!r}}}
django.setup()
from llmtrace.store.health import read
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    counted(tmp_path, "web-1-a", ended=1, sent=1).close()
    return tmp_path


def begun(database: dict[str, Any], code: str) -> str:
    return BEGIN.format(database=database) + dedent(code)


@contextmanager
def silent(engine: str) -> Iterator[tuple[socket.socket, dict[str, Any]]]:
    """What listens as the server of `engine` does and says nothing, and an entry of ``DATABASES`` for it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening, {**server_settings(engine, "silent"), "PORT": listening.getsockname()[1]}


def waiting(listening: socket.socket) -> int:
    """How many have connected whom nobody has taken."""
    listening.setblocking(False)
    count = 0
    try:
        while True:
            listening.accept()[0].close()
            count += 1
    except BlockingIOError:
        return count


@pytest.mark.parametrize("engine", ["postgres", "mariadb"])
def test_status_tells_of_this_machine(folder: Path, engine: str) -> None:
    code = """
    from django.core.management import call_command
    import sys
    call_command("llmtrace_status", stderr=sys.stdout)
    """
    with silent(engine) as (_, database):
        said = run(begun(database, code), {"SPOOL": {"DIRECTORY": str(folder)}})
    assert "collector  web-1-a" in said
    assert f"The database does not answer ({SILENT})" in said


def test_those_who_ask_again_hold_no_more_connections(folder: Path) -> None:
    code = """
    for _ in range(2):
        health = read()
        print(len(health.entries), health.away)
    """
    with silent("postgres") as (listening, database):
        said = run(begun(database, code), {"SPOOL": {"DIRECTORY": str(folder)}})
        assert waiting(listening) == 1
    assert said.splitlines() == [f"1 {SILENT}"] * 2


def test_a_table_that_somebody_has_locked_is_read_when_it_is_free(
    folder: Path, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    code = """
    print(read().away, flush=True)
    settings.BUSY.rollback()
    deadline = time.monotonic() + 20
    while (away := read().away) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    print(away)
    """
    with django_db_blocker.unblock(), new_database("postgres", tmp_path) as alias:
        lock = f"""
import psycopg
settings.BUSY = psycopg.connect("{SERVERS["postgres"]}/{alias}")
settings.BUSY.execute("LOCK TABLE llmtrace_ledger IN ACCESS EXCLUSIVE MODE")
"""
        said = run(lock + begun(server_settings("postgres", alias), code), {"SPOOL": {"DIRECTORY": str(folder)}})
        with closing(psycopg.connect(f"{SERVERS['postgres']}/postgres")) as other:
            left = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND query LIKE '%%llmtrace_ledger%%'"
            assert other.execute(left, (alias,)).fetchone() == (0,)
    assert said.splitlines() == [SILENT, "None"]
