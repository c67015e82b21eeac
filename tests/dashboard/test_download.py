"""A trace as JSON."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from llmtrace.dashboard import download
from llmtrace.models import Span
from tests.dashboard import rows
from tests.dashboard.rows import TRACE

pytestmark = pytest.mark.django_db

URL = f"/admin/llmtrace/trace/{TRACE}/json/"


def loaded(client: Client, **query: str) -> dict[str, Any]:
    answer = client.get(URL, query)
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Content-Type-Options"] == "nosniff"
    found: dict[str, Any] = answer.json()
    return found


def test_a_trace_is_whole_in_the_order_in_which_its_spans_began(client_of_reader: Client) -> None:
    spans = rows.shop_trace()
    trace = loaded(client_of_reader)
    assert (trace["trace_id"], trace["complete"], trace["content"]) == (TRACE, True, True)
    assert [span["span_id"] for span in trace["spans"]] == [span.span_id for span in spans.values()]
    summarise = next(span for span in trace["spans"] if span["span_id"] == spans["summarise"].span_id)
    assert summarise["content"] == rows.SUMMARY
    assert summarise["attributes"] == spans["summarise"].attributes
    assert summarise["events"] == spans["summarise"].events
    assert summarise["started_at"] == "2026-11-22T11:58:22.299000+00:00"
    assert summarise["cost_nano_usd"] == 10_980_000
    assert summarise["user_id"] == "4711"


def test_one_span_of_it_is_enough(client_of_reader: Client) -> None:
    span = rows.shop_trace()["tool"]
    (only,) = loaded(client_of_reader, span=span.span_id)["spans"]
    assert only["name"] == "execute_tool find_reviews"


def test_what_is_not_stored_is_not_found(client_of_reader: Client) -> None:
    assert client_of_reader.get(URL).status_code == 404
    rows.shop_trace()
    assert client_of_reader.get(URL, {"span": "0"}).status_code == 404
    assert client_of_reader.get(URL, {"span": "a\0b"}).status_code == 404


def test_a_long_trace_says_that_it_is_not_complete(client_of_reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    rows.shop_trace()
    monkeypatch.setattr(download, "MAX_SPANS", 3)
    trace = loaded(client_of_reader)
    assert (trace["complete"], len(trace["spans"])) == (False, 3)


def test_a_large_trace_says_so_and_has_at_least_one_span(
    client_of_reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.shop_trace()
    monkeypatch.setattr(download, "MAX_CHARACTERS", 10)
    trace = loaded(client_of_reader)
    assert (trace["complete"], len(trace["spans"])) == (False, 1)


def test_what_was_said_is_read_in_batches(
    client_of_reader: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    Span.objects.bulk_create(Span(**rows.columns(trace_id=TRACE)) for _ in range(450))
    with django_assert_max_num_queries(8):  # session, user, 2 for permissions, the spans, 3 for what was said
        assert len(loaded(client_of_reader)["spans"]) == 450


def test_hostile_text_is_json(client_of_reader: Client) -> None:
    rows.span(trace_id=TRACE, content={"gen_ai.input.messages": "</script>\ud800\0\u2028", "n": 10**30})
    (span,) = loaded(client_of_reader)["spans"]
    assert span["content"] == {"gen_ai.input.messages": "</script>\ud800\0\u2028", "n": 10**30}
