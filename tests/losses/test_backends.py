"""Whatever a backend does while a process lives, all that ended arrives later, or is counted as what was refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import pytest
from django.core.management import call_command
from django.db import connections

from tests.losses.counting import Record, count
from tests.losses.host import Host
from tests.losses.site.pages import EACH, REFUSED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

TROUBLES: Final[dict[str, dict[str, Any]]] = {
    "resets connections": {"how": "reset"},
    "answers 429 with Retry-After": {"status": 429, "retry_after": "1"},
    "answers 500": {"status": 500},
    "answers 503": {"status": 503},
    "answers 401": {"status": 401},
    "hangs": {"how": "hang"},
}
LARGEST: Final = 4_000  # bytes: a few spans
OTLP: Final = ("http", "grpc")

NewHost = Callable[..., Host]


def impatient(host: Host) -> Host:
    """The host, with little time to send what is left when a process ends."""
    host.settings["EXIT_TIMEOUT"] = 2
    return host


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_a_backend_did_not_take_arrives_when_it_does(
    trouble: str, new_host: NewHost, record_property: Record
) -> None:
    host = impatient(new_host(*OTLP))
    for receiver in host.receivers.values():
        receiver.behave(**TROUBLES[trouble])
    host.program("exits")
    for name, receiver in host.receivers.items():
        assert not host.arrived(name)
        receiver.behave()
    host.program("follows")
    cells = count(host, f"backend {trouble} until the process has gone", record_property)
    assert all((cell.arrived, cell.dropped) == (cell.ended, 0) for cell in cells)


def test_what_beat_has_sent_within_a_worker_arrives_later(new_host: NewHost, record_property: Record) -> None:
    host = new_host(*OTLP)
    host.settings["EXIT_TIMEOUT"] = 1
    for receiver in host.receivers.values():
        receiver.behave(how="hang")
    host.run_jobs("--beat", "--schedule", str(host.folder / "beat"), "--concurrency", "1", jobs=3)
    for receiver in host.receivers.values():
        receiver.behave()
    host.program("follows")
    cells = count(host, "beat within a worker, backend hangs until it has gone", record_property)
    assert all(cell.whole for cell in cells)


def test_a_backend_that_nobody_listens_for_gets_all_when_it_is_there(
    new_host: NewHost, record_property: Record
) -> None:
    host = impatient(new_host(*OTLP))
    for receiver in host.receivers.values():
        receiver.close()
    host.program("exits")
    host.listen_again()
    host.program("follows")
    assert all(cell.whole for cell in count(host, "nobody listens until the process has gone", record_property))


def test_a_request_that_is_too_large_is_split(new_host: NewHost, record_property: Record) -> None:
    host = new_host(*OTLP)
    for receiver in host.receivers.values():
        receiver.behave(largest=LARGEST)
    host.program("exits")
    assert all(cell.whole for cell in count(host, "backend refuses large requests", record_property))


def test_a_span_that_is_refused_takes_no_other_along(new_host: NewHost, record_property: Record) -> None:
    host = new_host(*OTLP)
    for receiver in host.receivers.values():
        receiver.behave(status=400, marked=f"chat {REFUSED}")
    host.program("exits")
    for cell in count(host, "backend answers 400 to each tenth span", record_property):
        assert (cell.dropped, cell.twice) == (cell.ended // EACH, 0)


def test_a_database_that_is_locked_gets_all_when_it_is_free(new_host: NewHost, record_property: Record) -> None:
    host = impatient(new_host("database"))
    file = connections[host.alias].settings_dict["NAME"]
    with closing(sqlite3.connect(file, isolation_level=None)) as somebody:
        somebody.execute("BEGIN EXCLUSIVE")
        host.program("exits")
        somebody.execute("ROLLBACK")
    host.program("follows")
    assert all(cell.whole for cell in count(host, "database locked until the process has gone", record_property))


@pytest.mark.parametrize("engine", ["sqlite", "postgres", "mariadb"])
def test_a_database_without_tables_gets_all_when_it_has_them(
    engine: str, new_host: NewHost, record_property: Record
) -> None:
    host = impatient(new_host("database", engine=engine))
    call_command("migrate", "llmtrace", "zero", database=host.alias, verbosity=0, interactive=False)
    host.program("exits")
    call_command("migrate", "llmtrace", database=host.alias, verbosity=0, interactive=False)
    host.program("follows")
    cells = count(host, f"no tables in {engine} until the process has gone", record_property)
    assert all(cell.whole for cell in cells)
