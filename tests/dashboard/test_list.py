"""Recent spans: newest first, filtered and searched, page by page."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from llmtrace.dashboard import changelist
from tests.dashboard import rows
from tests.dashboard.rows import NOON

LIST = "/admin/llmtrace/span/"

pytestmark = pytest.mark.django_db


def names(client: Client, **query: Any) -> list[str]:
    """The names of the spans on a page, from the top."""
    return [span.name for span in client.get(LIST, query).context["cl"].result_list]


def cells(client: Client, **query: Any) -> list[str]:
    """The texts of the cells of the first row."""
    (row,) = re.findall(r"<tbody>\s*<tr>(.*?)</tr>", client.get(LIST, query).content.decode(), re.DOTALL)[:1]
    found = re.findall(r"<t[dh] class=\"field-[^>]*>(.*?)</t[dh]>", row, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", cell) for cell in found]


def test_a_row_tells_when_what_how_and_for_how_much(client_of_viewer: Client) -> None:
    rows.span(
        "summarise",
        trace_id="c2d1" + "0" * 28,
        first_chunk_ms=353.0,
        input_tokens=3615,
        output_tokens=354,
        cost_nano_usd=5_030_000,
        user_id="4711",
        started_at=timezone.now().replace(hour=0, minute=0, second=1, microsecond=987_000),
    )
    assert cells(client_of_viewer) == [
        "00:00:01.987", "summarise", "gpt-4o-mini", "ok", "1.20 s", "353 ms", "3\u202f615 → 354", "$0.00503", "4711",
        "c2d1…",
    ]  # fmt: skip


def test_what_is_unknown_is_an_empty_cell(client_of_viewer: Client) -> None:
    rows.step("POST /recommend/", kind="SERVER", trace_id="c2d1" + "0" * 28)
    assert cells(client_of_viewer, show="all")[1:] == [
        "POST /recommend/", "", "ok", "1.20 s", "", "", "", "", "c2d1…",
    ]  # fmt: skip


def test_the_date_stands_before_a_time_that_is_not_todays(client_of_viewer: Client) -> None:
    rows.span(started_at=NOON - timedelta(days=30))
    assert cells(client_of_viewer)[0] == "23 Oct, 11:58:18.204"


def test_times_are_those_of_the_current_time_zone(client_of_viewer: Client) -> None:
    rows.span(started_at=NOON - timedelta(days=30))
    with override_settings(TIME_ZONE="Asia/Tokyo"):
        assert cells(client_of_viewer)[0] == "23 Oct, 20:58:18.204"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "ERROR", "error_type": "openai.RateLimitError"}, "RateLimitError"),
        ({"status": "ERROR"}, "error"),
        ({"status": "OK"}, "ok"),
        ({"outcome": "abandoned"}, "abandoned"),
        ({"outcome": "completed"}, "ok"),
    ],
)
def test_the_status_is_the_error_or_how_the_stream_was_left(
    client_of_viewer: Client, fields: dict[str, Any], said: str
) -> None:
    rows.span(**fields)
    assert cells(client_of_viewer)[3] == said


def test_newest_first_and_among_equals_the_one_that_was_written_last(client_of_viewer: Client) -> None:
    for name, at in (("first", 0), ("twin 1", 5), ("twin 2", 5), ("last", 9)):
        rows.span(name, at=at)
    assert names(client_of_viewer) == ["last", "twin 2", "twin 1", "first"]


def test_a_row_leads_to_its_place_in_its_trace(client_of_viewer: Client) -> None:
    row = rows.span("summarise")
    page = client_of_viewer.get(LIST).content.decode()
    assert f'<a href="/admin/llmtrace/trace/{row.trace_id}/?span={row.span_id}">' in page
    assert f'<a href="/admin/llmtrace/trace/{row.trace_id}/" title="{row.trace_id}">0000…</a>' in page


@pytest.fixture
def mixed(db: None) -> None:
    rows.span("call", user_id="88", session_id="s-1")
    rows.span("broken call", status="ERROR", error_type="X", model="o3", operation="generate_content")
    rows.span("slow call", duration_ms=5_000.0, service="blog")
    rows.span("dear call", cost_nano_usd=10_000_000, outcome="abandoned")
    rows.span("vectors", operation="embeddings", model="text-embedding-3-small", conversation_id="c-1")
    rows.step("execute_tool find", operation="execute_tool")
    rows.step("GET /", kind="SERVER")
    rows.step("broken job", kind="CONSUMER", status="ERROR", job_state="FAILURE", job_attempt=5, job_queue_ms=65e3)
    rows.step("fresh job", kind="CONSUMER", job_state="SUCCESS", job_attempt=1, job_queue_ms=20.0)
    rows.step("publish job", kind="PRODUCER", job_attempt=1)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"call", "broken call", "slow call", "dear call", "vectors"}),
        ({"show": "nonsense"}, {"call", "broken call", "slow call", "dear call", "vectors"}),
        ({"show": "errors"}, {"broken call", "broken job"}),
        ({"show": "slow"}, {"slow call"}),
        ({"show": "expensive"}, {"dear call"}),
        ({"show": "requests"}, {"GET /"}),
        ({"show": "jobs"}, {"broken job", "fresh job"}),
        ({"job_state": "FAILURE"}, {"broken job"}),
        ({"job_state": "SUCCESS", "show": "calls"}, set()),
        ({"attempts": "1"}, {"fresh job"}),
        ({"attempts": "2"}, {"broken job"}),
        ({"attempts": "5", "status": "error"}, {"broken job"}),
        ({"queue_time": "1min"}, {"broken job"}),
        ({"queue_time": "10min"}, set()),
        ({"queue_time": "nonsense", "job_state": "SUCCESS"}, {"fresh job"}),
        ({"operation": "execute_tool"}, {"execute_tool find"}),
        ({"operation": "never seen"}, set()),
        ({"model": "o3"}, {"broken call"}),
        ({"model": "o3", "show": "errors"}, {"broken call"}),
        ({"service": "blog"}, {"slow call"}),
        ({"status": "error"}, {"broken call"}),
        ({"status": "ok"}, {"call", "slow call", "dear call", "vectors"}),
        ({"status": "abandoned"}, {"dear call"}),
        ({"user_id": "88"}, {"call"}),
        ({"session_id": "s-1"}, {"call"}),
        ({"conversation_id": "c-1"}, {"vectors"}),
        ({"q": "BROKEN"}, {"broken call", "broken job"}),
        ({"q": "broken call"}, {"broken call"}),
        ({"q": "call", "show": "slow"}, {"slow call"}),
        ({"q": "88"}, {"call"}),
        ({"q": "c-1"}, {"vectors"}),
        ({"q": "nobody"}, set()),
        ({"model": "o\0"}, set()),
        ({"q": "%"}, set()),
    ],
)
def test_filters_and_search_find_what_they_say(
    client_of_viewer: Client, mixed: None, query: dict[str, str], found: set[str]
) -> None:
    assert set(names(client_of_viewer, **query)) == found


def test_everything_is_everything(client_of_viewer: Client, mixed: None) -> None:
    assert len(names(client_of_viewer, show="all")) == 10


def test_since_counts_from_now(client_of_viewer: Client) -> None:
    for hours in (0, 2, 30):
        rows.span(f"{hours} hours ago", started_at=timezone.now() - timedelta(hours=hours))
    assert names(client_of_viewer, since="1h") == ["0 hours ago"]
    assert names(client_of_viewer, since="24h") == ["0 hours ago", "2 hours ago"]
    assert len(names(client_of_viewer)) == 3


def test_ids_are_found_whole_and_by_their_begin(client_of_viewer: Client) -> None:
    trace = rows.shop_trace()
    rows.span("another")
    assert len(names(client_of_viewer, q=f" {rows.TRACE.upper()} ")) == len(trace)
    assert len(names(client_of_viewer, q="3f9a5d")) == len(trace)
    assert names(client_of_viewer, q="e" * 16) == ["summarise"]


def test_the_choices_of_filters_are_the_values_of_recent_spans(client_of_viewer: Client, mixed: None) -> None:
    page = client_of_viewer.get(LIST)
    offered = {
        spec.parameter_name: [value for value, _ in spec.lookup_choices] for spec in page.context["cl"].filter_specs
    }
    assert offered["model"] == ["gpt-4o-mini", "o3", "text-embedding-3-small"]
    assert offered["operation"] == ["chat", "embeddings", "execute_tool", "generate_content"]
    assert offered["service"] == ["blog", "shop"]
    assert offered["job_state"] == ["FAILURE", "SUCCESS"]
    assert {"attempts", "queue_time"} <= offered.keys()
    assert not offered.keys() & {"user_id", "session_id", "conversation_id"}


def test_filters_of_jobs_are_there_where_jobs_are(client_of_viewer: Client) -> None:
    rows.span()
    offered = {spec.parameter_name for spec in client_of_viewer.get(LIST).context["cl"].filter_specs}
    assert not offered & {"job_state", "attempts", "queue_time"}


def test_a_filter_by_user_shows_how_to_leave_it(client_of_viewer: Client, mixed: None) -> None:
    page = client_of_viewer.get(LIST, {"user_id": "88"}).content.decode()
    assert "<summary> User</summary>" in page


def test_a_page_leads_to_the_next_one_and_back_to_the_newest(
    client_of_viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmtrace.admin.SpanAdmin.list_per_page", 3)
    for number in range(8):
        rows.span(str(number), at=number // 2)  # pairs that began at the same moment
    seen, query = [], "?model=gpt-4o-mini"
    while query:
        page = client_of_viewer.get(LIST + query)
        seen += [span.name for span in page.context["cl"].result_list]
        query = page.context["cl"].older_query
    assert seen == ["7", "6", "5", "4", "3", "2", "1", "0"]
    assert page.context["cl"].newest_query == "?model=gpt-4o-mini"
    assert "Newest</a>" in page.content.decode()


def test_new_spans_do_not_shift_an_older_page(client_of_viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmtrace.admin.SpanAdmin.list_per_page", 2)
    for number in range(4):
        rows.span(str(number), at=number)
    older = client_of_viewer.get(LIST).context["cl"].older_query
    rows.span("new", at=99)
    assert [span.name for span in client_of_viewer.get(LIST + older).context["cl"].result_list] == ["1", "0"]


@pytest.mark.parametrize(
    "place",
    [
        "", "~", "nonsense~7", "2026-11-22T11:58:18~", "2026-99-22T11:58:18+00:00~1", "~-1", f"{NOON.isoformat()}~-1",
        "9999-12-31T23:59:59-12:00~1", "0001-01-01T00:00:00+12:00~1", f"{NOON.isoformat()}~{10**30}", "1" * 9_000,
        "2026-11-22T11:58:18~1",
    ],
)  # fmt: skip
def test_a_place_that_makes_no_sense_is_the_begin(client_of_viewer: Client, place: str) -> None:
    rows.span("only")
    assert names(client_of_viewer, before=place) == ["only"]


def test_filters_and_a_new_search_begin_with_the_newest(client_of_viewer: Client) -> None:
    rows.span()
    page = client_of_viewer.get(LIST, {"before": f"{NOON.isoformat()}~99", "model": "gpt-4o-mini"}).content.decode()
    assert "before=" not in page
    assert 'name="before"' not in page


def test_rare_spans_are_looked_for_so_far_and_then_further_back(
    client_of_viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelist, "LOOKS", (5, 10))
    rows.span("rare", at=0)
    for number in range(1, 25):
        rows.step(str(number), at=number)
    seen, query, pages = [], "?q=rare", 0
    while query:
        page = client_of_viewer.get(LIST + query)
        seen += [span.name for span in page.context["cl"].result_list]
        query, pages = page.context["cl"].further_query, pages + 1
        assert ("Look further back" in page.content.decode()) == bool(query)
    assert (seen, pages) == (["rare"], 3)


def test_a_look_back_ends_where_the_time_that_was_chosen_begins(
    client_of_viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelist, "LOOKS", (5,))
    for number in range(10):
        rows.step(str(number), started_at=timezone.now() - timedelta(minutes=10 * number))
    assert client_of_viewer.get(LIST, {"q": "rare"}).context["cl"].further_query
    assert not client_of_viewer.get(LIST, {"q": "rare", "since": "15m"}).context["cl"].further_query


def test_an_empty_store_tells_what_to_do_next(client_of_viewer: Client) -> None:
    page = client_of_viewer.get(LIST).content.decode()
    assert "No spans yet" in page
    assert "@llm_call" in page


def test_a_filter_that_finds_nothing_says_so(client_of_viewer: Client, mixed: None) -> None:
    page = client_of_viewer.get(LIST, {"model": "o3", "service": "blog"}).content.decode()
    assert "No span fits." in page
    assert "No spans yet" not in page


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\u202eb", "\0", "x" * 255, "\ud83d half", " "])
def test_hostile_names_are_text(client_of_viewer: Client, name: str) -> None:
    row = rows.span("placeholder")
    type(row).objects.filter(pk=row.pk).update(
        name=name.encode("utf-8", "replace").decode(), model="<b>m", user_id="<b>u"
    )
    page = client_of_viewer.get(LIST).content.decode()
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "<b>" not in page


def test_ids_that_are_no_hex_lead_nowhere_and_break_nothing(client_of_viewer: Client) -> None:
    rows.span("foreign", trace_id="not hex", span_id="neither")
    assert cells(client_of_viewer)[1] == "foreign"


@pytest.mark.parametrize("lookup", ["content__data__contains", "attributes__icontains", "name__regex", "id__gte"])
def test_no_other_lookup_can_be_asked_for_by_address(client_of_viewer: Client, lookup: str) -> None:
    assert client_of_viewer.get(LIST, {lookup: "x"}).status_code == 400


def test_a_search_with_nul_is_answered(client_of_viewer: Client) -> None:
    assert client_of_viewer.get(LIST, {"q": "a\0b"}).status_code == 200
