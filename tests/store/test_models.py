"""Spans asked for in words of the domain."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connections
from opentelemetry.trace import Status, StatusCode
from pytest_django import DjangoDbBlocker

from llmtrace.models import Span, SpanContent, SpanQuerySet
from tests.databases import new_database
from tests.store.conftest import Store
from tests.store.making import CALL, START, START_NS, context, ended


def names(spans: SpanQuerySet) -> list[str]:
    return [span.name for span in spans]


def test_words_of_the_domain(store: Store) -> None:
    root = context(1, 2)
    store.write(
        ended({}, name="request", context_=root, start=START_NS, end=START_NS + 5),
        ended(CALL, name="call", context_=context(1, 3), parent=root, start=START_NS + 1000, end=START_NS + 2000),
        ended({}, name="broken", context_=context(1, 4), parent=root, start=START_NS + 1000, end=START_NS + 2000,
              status=Status(StatusCode.ERROR)),
        ended({"gen_ai.operation.name": "execute_tool"}, name="elsewhere", start=START_NS - 1000),
    )  # fmt: skip
    spans = Span.objects.using(store.alias)
    assert names(spans.recent()) == ["broken", "call", "request", "elsewhere"]
    assert names(spans.of_trace("0" * 31 + "1")) == ["request", "call", "broken"]
    assert names(spans.of_trace(("0" * 31 + "1").upper()).errors()) == ["broken"]
    assert names(spans.calls()) == names(spans.of_user("42")) == names(spans.of_conversation("c1")) == ["call"]
    assert names(spans.roots().recent()) == ["request", "elsewhere"]
    assert names(spans.before(START)) == ["elsewhere"]


def test_content_comes_with_the_spans_in_one_query(store: Store, django_assert_num_queries: object) -> None:
    store.write(ended(), ended({}))
    with django_assert_num_queries(1, connection=connections[store.alias]):  # type: ignore[operator]
        spans = list(Span.objects.using(store.alias).with_content())
        assert sorted(hasattr(span, "content") for span in spans) == [False, True]


def test_cost_is_exact_and_absent_when_unknown() -> None:
    assert Span(cost_nano_usd=123).cost == Decimal("0.000000123")
    assert Span().cost is None


@pytest.mark.parametrize(
    "wanted",
    [
        Span.objects.recent(),
        Span.objects.errors().recent(),
        Span.objects.filter(model="gpt-4o").recent(),
        Span.objects.filter(service="shop").recent(),
        Span.objects.filter(operation="chat").recent(),
        Span.objects.of_user("42").recent(),
        Span.objects.of_conversation("c1"),
    ],
)
def test_lists_are_read_in_the_order_of_an_index(
    wanted: SpanQuerySet, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    """SQLite says plainly when it has to sort what may be a million rows."""
    with django_db_blocker.unblock(), new_database("sqlite", tmp_path) as alias:
        plan = wanted.using(alias)[:100].explain()
    assert "llmtrace_span_" in plan
    assert "TEMP B-TREE" not in plan


def test_names_of_rows() -> None:
    assert str(Span(name="chat", span_id="0f")) == "chat (0f)"
    assert str(SpanContent(span_id=3)) == "content of 3"
