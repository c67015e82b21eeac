"""The Health page: the numbers of all processes, what is wrong in words, and who may see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils.html import escape

from llmtrace.models import Ledger
from llmtrace.pipeline.account import LEFT_OUT
from llmtrace.store.health import acknowledge, read
from tests.dashboard.conftest import client_of
from tests.dashboard.ledgers import add, counted, ledger_row, ledgers_in, shop_ledgers

pytestmark = pytest.mark.django_db
PAGE = "/admin/llmtrace/health/"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    entries = [
        {"NAME": name, "BACKEND": "opentelemetry.sdk.trace.export.ConsoleSpanExporter"} for name in ("collector", "new")
    ]
    with ledgers_in(tmp_path, EXPORTERS=entries) as made:
        yield made


def words(client: Client) -> str:
    """The text of the page, its white space made one."""
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_who_may_not_see_spans_may_not_see_it(person: User, client_of_viewer: Client) -> None:
    viewer_sees = client_of_viewer.get(PAGE)
    assert viewer_sees.status_code == 200
    person.user_permissions.clear()
    assert client_of(User.objects.get(pk=person.pk)).get(PAGE).status_code == 403
    assert Client().get(PAGE).status_code == 302
    assert client_of_viewer.post(PAGE).status_code in (403, 405)


def test_recent_spans_and_the_index_lead_to_it(client_of_viewer: Client) -> None:
    for page in ("/admin/", "/admin/llmtrace/", "/admin/llmtrace/span/"):
        assert f'href="{PAGE}"' in client_of_viewer.get(page).content.decode(), page


def test_nothing_has_ended_yet(folder: Path, client_of_viewer: Client) -> None:
    told = words(client_of_viewer)
    assert "All is well No process has ended a span yet." in told
    assert "collector no span yet" in told


def test_what_is_lost_is_told_with_its_cure(folder: Path, client_of_viewer: Client) -> None:
    with closing(counted(folder, "web-1-a", ended=2000, sent=900, dropped={"queue full": 1000, LEFT_OUT: 100})):
        told = words(client_of_viewer)
    assert "What is wrong collector : 1 000 lost – queue full More spans ended than the exporter could take." in told
    assert "Left out by filters 100 Lost 1 000 Processes running 1" in told
    assert "web-1-a running collector 2 000 900 0 1 100" in told


def test_what_was_acknowledged_is_shown_as_that(folder: Path, client_of_viewer: Client) -> None:
    with closing(counted(folder, "web-1-a", ended=10, sent=3, dropped={"queue full": 7})) as book:
        assert "manage.py llmtrace_status --acknowledge" in words(client_of_viewer)
        acknowledge(read())
        told = words(client_of_viewer)
        assert "All is well collector : 7 lost – queue full acknowledged Exporters" in told
        assert "Lost 0 Lost, acknowledged 7" in told
        assert "--acknowledge" not in told
        assert "lt-bad" not in client_of_viewer.get(PAGE).content.decode()
        add(book, "collector", ended=2, dropped={"queue full": 2})
        told = words(client_of_viewer)
    assert "What is wrong collector : 2 lost – queue full More spans ended" in told
    assert "collector : 7 lost – queue full acknowledged" in told
    assert "Lost 2 Lost, acknowledged 7" in told


def test_an_exporter_that_fails_is_told_with_its_error(folder: Path, client_of_viewer: Client) -> None:
    error: dict[str, Any] = {"last_error": "HTTP 503 <b>", "last_error_at": datetime.now(UTC) - timedelta(minutes=1)}
    counted(folder, "web-1-a", ended=7, sent=2, spooled=5, **error).close()
    told = words(client_of_viewer)
    assert f"collector : 5 waiting – {escape('HTTP 503 <b>')} Its last error says why." in told
    assert "5 5 on disk" in told


def test_what_waits_for_an_exporter_that_no_longer_is_there_is_told(folder: Path, client_of_viewer: Client) -> None:
    counted(folder, "web-1-a", "gone", ended=5, spooled=5).close()
    told = words(client_of_viewer)
    assert "gone : 5 waiting They are on disk, and no entry of EXPORTERS has this NAME." in told
    assert "gone no longer in the settings" in told


def test_what_waits_and_an_old_error_are_nothing_to_tell(folder: Path, client_of_viewer: Client) -> None:
    error: dict[str, Any] = {"last_error": "HTTP 503", "last_error_at": datetime.now(UTC) - timedelta(hours=1)}
    with closing(counted(folder, "web-1-a", ended=5, sent=3, **error)):
        assert "All is well Nothing was lost. What waits is on its way." in words(client_of_viewer)


def test_other_machines_and_many_processes(folder: Path, client_of_viewer: Client) -> None:
    for number in range(130):
        ledger_row(f"pod-{number}", ended=1, sent=1, seen_at=datetime.now(UTC) - timedelta(minutes=2 * number))
    told = words(client_of_viewer)
    assert "Processes running 1" in told
    assert "collector 130 130 0 0" in told
    assert "30 more that ended earlier are in the sums above." in told
    assert "pod-0 running" in told
    assert "pod-99 ended" in told
    assert "pod-100" not in told


def test_it_costs_one_query_however_many_processes(
    folder: Path, client_of_viewer: Client, django_assert_num_queries: Any
) -> None:
    client_of_viewer.get(PAGE)
    for number in range(30):
        ledger_row(f"pod-{number}", ended=1, sent=1)
    with django_assert_num_queries(5):  # session, user, permissions of the user and of groups, ledgers
        client_of_viewer.get(PAGE)


def test_it_is_there_while_the_table_is_not(
    folder: Path, client_of_viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger._meta, "db_table", "llmtrace_missing")
    counted(folder, "web-1-a", ended=5, sent=5).close()
    told = words(client_of_viewer)
    assert (
        "The table of ledgers cannot be read (OperationalError): only the processes of this machine are here." in told
    )
    assert "collector 5 5 0 0" in told


@pytest.mark.parametrize("zones", [True, False])
def test_times_are_those_of_the_project(folder: Path, client_of_viewer: Client, zones: bool) -> None:
    with override_settings(USE_TZ=zones, TIME_ZONE="Europe/Berlin"):
        at = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
        counted(folder, "web-1-a", ended=1, sent=1, last_error="HTTP 503", last_error_at=at).close()
        assert "HTTP 503 1 Jul, 14:00:00.000" in words(client_of_viewer)


def test_it_speaks_german(folder: Path, client_of_viewer: Client) -> None:
    with override_settings(LANGUAGE_CODE="de"), closing(shop_ledgers(folder)):
        told = words(client_of_viewer)
    for word in ("Was nicht stimmt", "Wartet", "verloren", "Letzter Fehler", "nicht mehr in den Einstellungen"):
        assert word in told
