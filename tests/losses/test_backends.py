"""Whatever a backend does while a process lives, all that ended arrives later, or is counted as what was refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import pytest
from django.core.management import call_command
from django.db import connections

from tests.losses.counting import count
from tests.losses.host import Host
from tests.losses.site.pages import EACH, REFUSED

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

TROUBLES: Final[dict[str, dict[str, Any]]] = {
    "away": {"how": "reset"},
    "429 with Retry-After": {"status": 429, "retry_after": "1"},
    "500": {"status": 500},
    "503": {"status": 503},
    "401": {"status": 401},
    "hangs": {"how": "hang"},
}
LARGEST: Final = 4_000  # bytes: a few spans

Record = Callable[[str, Any], None]


@pytest.mark.parametrize("exporter", ["http", "grpc"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_a_backend_did_not_take_arrives_when_it_does(
    trouble: str, exporter: str, new_host: Callable[..., Host], record_property: Record
) -> None:
    host = new_host(exporter)
    host.settings["EXIT_TIMEOUT"] = 0.5
    host.receivers[exporter].behave(**TROUBLES[trouble])
    host.program("exits")
    assert not host.arrived(exporter)
    host.receivers[exporter].behave()
    host.program("follows")
    cell = count(host, f"backend {trouble} until the process has gone", exporter, record_property)
    assert (cell.arrived, cell.dropped) == (cell.ended, 0)


@pytest.mark.parametrize("exporter", ["http", "grpc"])
def test_a_backend_that_nobody_listens_for_gets_all_when_it_is_there(
    exporter: str, new_host: Callable[..., Host], record_property: Record
) -> None:
    host = new_host(exporter)
    host.settings["EXIT_TIMEOUT"] = 0.5
    host.receivers[exporter].close()
    host.program("exits")
    host.listen_again(exporter)
    host.program("follows")
    cell = count(host, "nobody listens until the process has gone", exporter, record_property)
    assert (cell.arrived, cell.twice, cell.dropped) == (cell.ended, 0, 0)


@pytest.mark.parametrize("exporter", ["http", "grpc"])
def test_a_request_that_is_too_large_is_split(
    exporter: str, new_host: Callable[..., Host], record_property: Record
) -> None:
    host = new_host(exporter)
    host.receivers[exporter].behave(status=200, largest=LARGEST)
    host.program("exits")
    cell = count(host, f"backend takes {LARGEST} bytes", exporter, record_property)
    assert (cell.arrived, cell.twice, cell.dropped) == (cell.ended, 0, 0)


@pytest.mark.parametrize("exporter", ["http", "grpc"])
def test_a_span_that_is_refused_takes_no_other_along(
    exporter: str, new_host: Callable[..., Host], record_property: Record
) -> None:
    host = new_host(exporter)
    host.receivers[exporter].behave(status=400, marked=f"chat {REFUSED}")
    host.program("exits")
    cell = count(host, "backend refuses each tenth with 400", exporter, record_property)
    assert (cell.dropped, cell.twice) == (cell.ended // EACH, 0)


def test_a_database_that_is_locked_gets_all_when_it_is_free(
    new_host: Callable[..., Host], record_property: Record
) -> None:
    host = new_host("database")
    host.settings["EXIT_TIMEOUT"] = 0.5
    file = connections[host.alias].settings_dict["NAME"]
    with closing(sqlite3.connect(file, isolation_level=None)) as somebody:
        somebody.execute("BEGIN EXCLUSIVE")
        host.program("exits")
        somebody.execute("ROLLBACK")
    host.program("follows")
    cell = count(host, "database locked until the process has gone", "database", record_property)
    assert (cell.arrived, cell.twice, cell.dropped) == (cell.ended, 0, 0)


@pytest.mark.parametrize("engine", ["sqlite", "postgres", "mariadb"])
def test_a_database_without_tables_gets_all_when_it_has_them(
    engine: str, new_host: Callable[..., Host], record_property: Record
) -> None:
    host = new_host("database", engine=engine)
    host.settings["EXIT_TIMEOUT"] = 0.5
    call_command("migrate", "llmtrace", "zero", database=host.alias, verbosity=0, interactive=False)
    host.program("exits")
    call_command("migrate", "llmtrace", database=host.alias, verbosity=0, interactive=False)
    host.program("follows")
    cell = count(host, f"no tables in {engine} until the process has gone", "database", record_property)
    assert (cell.arrived, cell.twice, cell.dropped) == (cell.ended, 0, 0)
