"""The list stays quick in a table of any size: what it asks the database, and how the database finds it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, DjangoDbBlocker

from llmtrace.conf import get_config
from llmtrace.dashboard import changelist
from llmtrace.dashboard.changelist import RecentSpans
from llmtrace.models import Span
from tests.dashboard import rows
from tests.databases import new_database

ROWS = 100_000
FILL = f"""
    INSERT INTO llmtrace_span (trace_id, span_id, name, kind, service, started_at, duration_ms, status, operation,
        provider, model, user_id, attributes, events, links)
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS - 1})
    SELECT printf('%032x', i / 10), printf('%016x', i), 'call ' || i, 'CLIENT', 'shop',
        strftime('%Y-%m-%d %H:%M:%S', 'now', '-' || i || ' seconds'), i % 3000, iif(i % 1000 = 7, 'ERROR', 'UNSET'),
        iif(i % 2, 'chat', NULL), 'openai', 'model ' || (i % 7), i % 1000, '{{}}', '[]', '[]'
    FROM n
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The alias of a store with a hundred thousand spans, a second apart, which SQLite makes by itself in a second."""
    with django_db_blocker.unblock(), new_database("sqlite", tmp_path_factory.mktemp("many")) as alias:
        with connections[alias].cursor() as cursor:
            cursor.execute(FILL)
            cursor.execute("ANALYZE")
        yield alias


@pytest.fixture
def many(filled: str) -> Iterator[None]:
    with override_settings(LLMTRACE={"DATABASE": filled}):
        yield


def asked(query: str) -> tuple[RecentSpans, list[str]]:
    """The list for a query string, and the queries that it took."""
    request = RequestFactory().get(f"/?{query}")
    request.user = User(is_superuser=True, is_active=True)
    with CaptureQueriesContext(connections[get_config().database]) as captured:
        recent = admin.site.get_model_admin(Span).get_changelist_instance(request)
    assert isinstance(recent, RecentSpans)
    return recent, [each["sql"] for each in captured.captured_queries]


def plan(sql: str) -> str:
    """How SQLite finds the rows."""
    with connections[get_config().database].cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"), [])
        return " / ".join(row[3] for row in cursor.fetchall())


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("show=all", "newest"),
        ("show=errors", "status"),
        ("show=all&status=error", "status"),
        ("show=all&model=model+3", "model"),
        ("operation=chat", "operation"),
        ("show=all&service=shop", "service"),
        ("show=all&user_id=7", "user"),
        ("show=all&since=7d", "newest"),
        ("show=all&before=9999-01-01T00:00:00%2B00:00~50", "newest"),
        (f"q={7:032x}", "autoindex"),
    ],
)
def test_an_index_leads_to_the_rows_of_a_page(many: None, query: str, index: str) -> None:
    recent, (choices, page) = asked(query)
    assert len(recent.result_list) == (10 if index == "autoindex" else 100)
    assert recent.further is None
    assert re.search(rf"USING INDEX \w*_{index}", plan(page))
    assert "TEMP B-TREE" not in plan(page) or index == "autoindex"
    assert "USING INDEX llmtrace_span_newest" in plan(choices)
    assert "LIMIT 2000" in choices


@pytest.mark.parametrize(
    "query", ["", "show=slow", "show=expensive", "model=model+3", "q=nothing", "session_id=x", "status=ok"]
)
def test_where_no_index_leads_the_rows_are_looked_for_among_so_many(many: None, query: str) -> None:
    recent, (_, *queries) = asked(query)
    for bound, page in zip(queries[::2], queries[1::2], strict=True):
        assert plan(bound) == "SCAN llmtrace_span USING COVERING INDEX llmtrace_span_newest"
        assert re.search(r"USING INDEX llmtrace_span_\w+ \(.*started_at>\?", plan(page))
    assert len(queries) == (2 if len(recent.result_list) == 100 else 4)
    assert (recent.further is not None) == (len(recent.result_list) < 100)


def test_nothing_is_counted_and_no_distinct_values_are_collected(many: None) -> None:
    _, queries = asked("q=nothing")
    assert len(queries) == 5
    assert not [sql for sql in queries if re.search(r"COUNT|DISTINCT", sql)]


@pytest.mark.django_db
def test_a_page_takes_as_many_queries_for_many_spans_as_for_few(
    client_of_viewer: Client, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelist, "LOOKS", (50,))
    client_of_viewer.get("/admin/llmtrace/span/")  # content types are asked for once a process
    for total in (1, 100):
        Span.objects.bulk_create(Span(**rows.columns(at=number)) for number in range(total - Span.objects.count()))
        with django_assert_num_queries(8):  # session, user, 2 for permissions, choices, how far back, open ones, page
            client_of_viewer.get("/admin/llmtrace/span/")


def test_the_big_columns_are_not_read(many: None) -> None:
    _, queries = asked("show=all")
    assert not [sql for sql in queries if '"attributes"' in sql or '"events"' in sql]
