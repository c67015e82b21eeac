"""The pages on every database that the store runs on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.test import RequestFactory, override_settings

from llmtrace.admin import TraceAdmin
from llmtrace.dashboard import changelist
from llmtrace.dashboard.changelist import RecentSpans
from llmtrace.dashboard.pages import Trace
from llmtrace.models import Span, SpanContent
from tests.dashboard import rows
from tests.dashboard.rows import NOON, TRACE


@pytest.fixture
def store(fresh_database: str) -> Iterator[str]:
    """The alias of an empty store, on each engine in turn."""
    with override_settings(LLMTRACE={"DATABASE": fresh_database}):
        yield fresh_database


def request(**query: str) -> HttpRequest:
    made = RequestFactory().get("/", query)
    made.user = User(is_superuser=True, is_active=True)
    return made


def recent(**query: str) -> RecentSpans:
    found = admin.site.get_model_admin(Span).get_changelist_instance(request(**query))
    assert isinstance(found, RecentSpans)
    return found


def add(alias: str, name: str, content: str | None = None, **fields: Any) -> Span:
    span = Span.objects.using(alias).create(**rows.columns(name, **fields))
    if content is not None:
        SpanContent.objects.using(alias).create(span=span, data=content)
    return span


def test_pages_follow_each_other_without_a_gap(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmtrace.admin.SpanAdmin.list_per_page", 2)
    for number in range(5):
        add(store, str(number), started_at=NOON + timedelta(microseconds=number // 2))
    seen: list[str] = []
    place = ""
    while place or not seen:
        page = recent(before=place)
        seen += [span.name for span in page.result_list]
        place = str(page.older or "")
    assert seen == ["4", "3", "2", "1", "0"]


def test_filters_and_search_find_what_they_say(store: str) -> None:
    add(store, "Recommend 100%", at=1)
    add(store, "vectors", at=2, operation="embeddings", trace_id=TRACE)
    add(store, "job", at=3, operation=None, kind="CONSUMER", status="ERROR", user_id="ümlaut")
    queries: list[tuple[dict[str, str], list[str]]] = [
        ({}, ["vectors", "Recommend 100%"]),
        ({"q": "RECOMMEND"}, ["Recommend 100%"]),
        ({"q": "100%"}, ["Recommend 100%"]),
        ({"q": "1_0"}, []),
        ({"q": "back\\slash"}, []),
        ({"q": "a '\" ; --"}, []),
        ({"q": TRACE[:7]}, ["vectors"]),
        ({"q": TRACE}, ["vectors"]),
        ({"show": "errors"}, ["job"]),
        ({"operation": "embeddings", "status": "ok"}, ["vectors"]),
        ({"show": "all", "user_id": "ümlaut"}, ["job"]),
        ({"show": "all", "user_id": "ümlaut\0"}, ["job"]),
        ({"since": "1h", "show": "expensive"}, []),
    ]
    assert [(query, [span.name for span in recent(**query).result_list]) for query, _ in queries] == queries


def test_rare_spans_are_looked_for_so_far(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelist, "LOOKS", (3,))
    add(store, "rare", started_at=NOON - timedelta(microseconds=1))
    for number in range(4):
        add(store, str(number), at=number)
    page = recent(q="rare")
    assert not page.result_list
    assert [span.name for span in recent(q="rare", before=str(page.further)).result_list] == ["rare"]


def test_a_trace_is_drawn_with_what_was_said(store: str) -> None:
    said = '{"gen_ai.output.messages": [{"role": "assistant", "parts": ["Hello \\u2603"]}]}'
    tags = {"llmtrace.tags": ["ü"]}
    span = add(store, "greet", content=said, trace_id=TRACE, attributes=tags, events=[{"name": "e"}])
    page = trace_admin().page(request(span=span.span_id), TRACE)
    assert isinstance(page, TemplateResponse)
    assert "Hello ☃" in page.render().content.decode()
    assert b"Hello \\u2603" in trace_admin().json(request(), TRACE).content


def test_a_choice_that_is_nonsense_is_answered(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmtrace.dashboard.trace.MAX_SPANS", 1)
    for number in range(2):
        add(store, str(number), trace_id=TRACE)
    for nonsense in ("a\0b", "x" * 9_000, "'"):
        answer = trace_admin().page(request(span=nonsense), TRACE)
        assert answer.status_code == 200
        with pytest.raises(Http404):
            trace_admin().json(request(span=nonsense), TRACE)


def trace_admin() -> TraceAdmin:
    found = admin.site.get_model_admin(Trace)
    assert isinstance(found, TraceAdmin)
    return found
