"""Old spans go, old content goes earlier, and nothing else does."""

from __future__ import annotations

from contextlib import closing
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.models.signals import post_delete, pre_delete
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from llmtrace.models import SpanContent
from llmtrace.store.retention import Pruned, Retention
from tests.databases import ENGINES, new_database
from tests.store.conftest import Store
from tests.store.making import ended
from tests.waiting import until

DAY_NS = 86_400 * 10**9


def fill(store: Store, *ages: float) -> None:
    """Write a span for each age in days, named by it."""
    now = int(timezone.now().timestamp() * 1e9)
    store.write(*[ended(name=str(age), start=(at := now - int(age * DAY_NS)), end=at + 1) for age in ages])


def left(store: Store) -> dict[str, bool]:
    """What is still there, and whether it has its content."""
    return {row.name: hasattr(row, "content") for row in store.spans()}


def test_spans_and_content_go_at_their_age(store: Store) -> None:
    fill(store, 40, 31, 29, 8, 6, 0, 35, 29, 29, 29)
    retention = Retention(days=30, content_days=7, database=store.alias)
    assert retention.due() == Pruned(spans=3, contents=5)
    assert retention.prune(batch=2) == Pruned(spans=3, contents=5)
    assert left(store) == {"29": False, "8": False, "6": True, "0": True}
    assert SpanContent.objects.using(store.alias).count() == 2, "content of spans that are gone is gone too"
    assert retention.due() == retention.prune() == Pruned(0, 0)


@pytest.mark.parametrize(
    ("days", "content_days", "expected"),
    [
        (None, None, {"90": True, "1": True}),
        (None, 7, {"90": False, "1": True}),
        (30, None, {"1": True}),
        (30, 60, {"1": True}),
    ],
)
def test_none_keeps(store: Store, days: int | None, content_days: int | None, expected: dict[str, bool]) -> None:
    fill(store, 90, 1)
    retention = Retention(days, content_days, store.alias)
    due = retention.due()
    assert retention.prune() == due
    assert left(store) == expected


def test_handlers_of_the_host_do_not_hear_of_it(store: Store) -> None:
    heard: list[Any] = []

    def handler(sender: Any, **_: Any) -> None:
        heard.append(sender)

    fill(store, 90)
    pre_delete.connect(handler)
    post_delete.connect(handler)
    try:
        assert Retention(30, None, store.alias).prune() == Pruned(1, 0)
    finally:
        pre_delete.disconnect(handler)
        post_delete.disconnect(handler)
    assert heard == []


def test_the_command_says_what_it_does_and_a_dry_run_does_nothing(store: Store) -> None:
    fill(store, 90, 10, 1)
    said = StringIO()
    settings = {"EXPORTERS": [], "RETENTION_DAYS": 30, "CONTENT_RETENTION_DAYS": 7, "DATABASE": store.alias}
    with override_settings(LLMTRACE=settings):
        call_command("llmtrace_prune", "--dry-run", stdout=said)
        assert len(store.spans()) == 3
        call_command("llmtrace_prune", "--batch-size=1", stdout=said)
    assert said.getvalue().splitlines() == [
        f'Would delete 1 spans, and the content of 1 others, from "{store.alias}".',
        f'Deleted 1 spans, and the content of 1 others, from "{store.alias}".',
    ]
    assert left(store) == {"10": False, "1": True}


@pytest.mark.parametrize("arguments", [["--database=nowhere"], ["--batch-size=0"]])
def test_the_command_names_a_mistake(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=r"nowhere|--batch-size"):
        call_command("llmtrace_prune", *arguments)


def test_the_command_names_the_setting_that_is_wrong() -> None:
    with (
        override_settings(LLMTRACE={"EXPORTERS": [], "DATABASE": "nowhere"}),
        pytest.raises(CommandError, match=r'^LLMTRACE\["DATABASE"\] names "nowhere"'),
    ):
        call_command("llmtrace_prune", skip_checks=True)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_the_command_says_what_makes_the_tables(
    engine: str, arguments: list[str], tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), new_database(engine, tmp_path, migrate=False) as alias:
        words = f"no tables of llmtrace: run manage.py migrate llmtrace --database={alias}"
        settings = {"EXPORTERS": [], "DATABASE": alias}
        with override_settings(LLMTRACE=settings), pytest.raises(CommandError, match=words):
            call_command("llmtrace_prune", *arguments)


DELETES = """
    SELECT count(*) FROM information_schema.processlist
    WHERE db = database() AND id <> connection_id() AND info LIKE 'DELETE FROM `llmtrace_span` %%'
"""


def test_a_step_that_the_database_ends_for_the_sake_of_another_is_done_again(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), new_database("mariadb", tmp_path) as alias:
        store = Store(alias)
        store.write(*(ended() for _ in range(40)))
        first = store.spans()[0].pk
        pruned: list[Pruned] = []
        with closing(connections[alias].copy()) as other, other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("UPDATE llmtrace_span SET name = 'locked' WHERE id > %s", (first,))  # the more work by far
            pruning = Thread(target=lambda: pruned.append(prune_and_close(alias)))
            pruning.start()
            until(lambda: cursor.execute(DELETES) and cursor.fetchone() != (0,), "it wants the rows")
            cursor.execute("DELETE FROM llmtrace_spancontent WHERE span_id = %s", (first,))
            cursor.execute("ROLLBACK")
            pruning.join(30)
        assert [each.spans for each in pruned] == [40]
        store.connection.close()


def prune_and_close(alias: str) -> Pruned:
    try:
        return Retention(30, None, alias).prune(batch=10)
    finally:
        connections[alias].close()
