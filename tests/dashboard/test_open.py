"""Spans that have not ended: in the list and in their trace, as running or as lost."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from llmtrace.models import RunningSpan
from tests.dashboard import rows

pytestmark = pytest.mark.django_db
LIST = "/admin/llmtrace/span/"


def ago(seconds: float) -> datetime:
    """The moment that was so long ago."""
    return datetime.now(UTC) - timedelta(seconds=seconds)


def running(name: str = "summarise", *, began_s: float = 60, silent_s: float = 0, **columns: Any) -> RunningSpan:
    """A row of a span that began `began_s` seconds ago, and whose process was heard of `silent_s` seconds ago."""
    given = rows.columns(name, started_at=ago(began_s), **columns)
    for column in ("duration_ms", "status"):
        del given[column]
    return RunningSpan.objects.create(process="web-1-a", seen_at=ago(silent_s), **given)


def words(client: Client, path: str) -> str:
    """The text of a page, its white space made one."""
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_the_list_shows_what_runs_and_what_is_lost(client_of_viewer: Client) -> None:
    running("summarise", user_id="4711", span_id="a" * 16)
    running("forgotten", began_s=3600, silent_s=2700)
    told = words(client_of_viewer, LIST)
    assert re.search(r"Not ended yet .* summarise gpt-4o-mini still running 1 min 0\d s 4711", told)
    assert re.search(r"forgotten gpt-4o-mini lost 15 min 00 s", told)
    assert f"?span={'a' * 16}" in client_of_viewer.get(LIST).content.decode()


def test_what_was_lost_long_ago_stands_in_its_trace_only(client_of_viewer: Client) -> None:
    day = 86_400
    running("forgotten", trace_id=rows.TRACE, began_s=2 * day, silent_s=1.5 * day)
    assert "Not ended yet" not in words(client_of_viewer, LIST)
    assert "forgotten lost" in words(client_of_viewer, f"/admin/llmtrace/trace/{rows.TRACE}/")


@pytest.mark.parametrize("query", ["q=summarise", "show=errors", "model=o3", "before=2026-01-01T00:00:00%2B00:00~1"])
def test_a_list_that_is_narrowed_down_shows_only_what_was_asked_for(client_of_viewer: Client, query: str) -> None:
    running()
    assert "Not ended yet" not in words(client_of_viewer, f"{LIST}?{query}")


def test_a_list_without_open_spans_says_nothing_of_them(client_of_viewer: Client) -> None:
    rows.span()
    assert "Not ended yet" not in words(client_of_viewer, LIST)


def test_a_call_that_runs_stands_in_its_trace(client_of_reader: Client) -> None:
    request = rows.step("POST /recommend/", kind="SERVER", trace_id=rows.TRACE, started_at=ago(61))
    running(trace_id=rows.TRACE, parent_id=request.span_id, span_id="a" * 16)
    told = words(client_of_reader, f"/admin/llmtrace/trace/{rows.TRACE}/?span={'a' * 16}")
    assert re.search(r"summarise still running 1 min 0\d s", told)
    assert "What was said in it is stored when it has ended." in told
    assert "Nothing of what was said was kept." not in told
    assert "parent not stored" not in told


def test_a_trace_of_which_nothing_has_ended_is_shown(client_of_viewer: Client) -> None:
    running("POST /recommend/", trace_id=rows.TRACE, kind="SERVER", operation=None, span_id="b" * 16)
    running(trace_id=rows.TRACE, parent_id="b" * 16, silent_s=45)
    told = words(client_of_viewer, f"/admin/llmtrace/trace/{rows.TRACE}/")
    assert "POST /recommend/ still running" in told


def test_a_span_whose_process_has_died_is_lost(client_of_viewer: Client) -> None:
    running(trace_id=rows.TRACE, began_s=3600, silent_s=2700)
    told = words(client_of_viewer, f"/admin/llmtrace/trace/{rows.TRACE}/")
    assert "summarise lost" in told
    assert "Its process has died: it will not end any more." in told
    assert "1 failed" in told


def test_what_has_ended_is_shown_once(client_of_viewer: Client) -> None:
    row = running("summarise", trace_id=rows.TRACE)
    rows.span("summarise", trace_id=rows.TRACE, span_id=row.span_id)
    assert "Not ended yet" not in words(client_of_viewer, LIST)
    assert "still running" not in words(client_of_viewer, f"/admin/llmtrace/trace/{rows.TRACE}/")


def test_hostile_names_are_text(client_of_viewer: Client) -> None:
    running("<script>alert(1)</script>", model="<b>", user_id="\u202e<i>", trace_id=rows.TRACE)
    for path in (LIST, f"/admin/llmtrace/trace/{rows.TRACE}/"):
        page = client_of_viewer.get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_it_speaks_german(client_of_viewer: Client) -> None:
    running()
    with override_settings(LANGUAGE_CODE="de"):
        told = words(client_of_viewer, LIST)
    assert "Noch nicht beendet" in told
    assert "läuft noch" in told
