"""An ended span can be edited without changing, and be exported whatever people have put into it."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from llmtrace.jsontext import as_json
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.tracing.content import CallContent, cut

HOSTILE = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    ["\ud800", "a\udfff\ud800b", "\0", "\U0001f600"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | HOSTILE | st.binary(max_size=5)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(HOSTILE, inner, max_size=4), max_leaves=20
)


class Unprintable:
    """What a host may have among its objects."""

    def __str__(self) -> str:
        raise RuntimeError("not today")

    __repr__ = __str__


def circle() -> list[Any]:
    inner: list[Any] = []
    inner.append({"again": inner})
    return inner


def deep(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


def ended(attributes: dict[str, Any], content: CallContent | None = None, name: str = "call") -> EndedSpan:
    span: Any = TracerProvider(shutdown_on_exit=False).get_tracer("tests").start_span(name)
    span.end()
    made = EndedSpan.of(span, content)
    return made.edited(attributes={**made.attributes, **attributes})


@given(value=ANYTHING)
@settings(deadline=None)
def test_anything_becomes_json_that_can_be_read_and_encoded(value: Any) -> None:
    check_json(value)


@pytest.mark.parametrize(
    "value",
    [
        circle(),
        deep(500),
        deep(100_000),
        [Unprintable(), object()],
        {Unprintable(): 1},
        {"number": 10**400, "not a number": float("nan"), "bytes": b"\xff"},
        {(1, "\ud800"): {b"\xff": 1}},
    ],
    ids=["circle", "deep", "very deep", "unprintable", "unprintable key", "numbers", "keys"],
)
def test_the_worst_becomes_json_as_well(value: Any) -> None:
    check_json(value)


def check_json(value: Any) -> None:
    text = as_json(value)
    json.loads(text, parse_constant=lambda constant: 1 / 0)
    assert text.encode()


@given(value=ANYTHING, text=HOSTILE)
@settings(deadline=None)
def test_what_is_exported_can_be_encoded_by_the_stock_exporter(value: Any, text: str) -> None:
    content = CallContent()
    content.add(
        lambda: {"gen_ai.input.messages": [{"role": "user", "parts": value}], "gen_ai.prompt.variable.x": value}, 1
    )
    content.fail(ValueError(text))
    span = ended({"user.id": text, "tags": [text, "plain"], text or "empty": 1}, content, name=text)
    span = span.edited(status=Status(StatusCode.ERROR, text), events=[*span.events, Event("said", {"text": text})])
    assert encode_spans([span.for_export()]).SerializeToString()


def test_halves_of_a_character_are_joined_and_lone_ones_replaced() -> None:
    exported = ended({"user.id": "\ud83d\ude00 \ud83d"}).for_export()
    assert exported.attributes["user.id"] == "\U0001f600 \N{REPLACEMENT CHARACTER}"


def test_an_edited_copy_leaves_the_span_as_it_was() -> None:
    span = ended({"user.id": "7"})
    copy = span.edited(name="other", attributes={}, parent=None, status=Status(StatusCode.ERROR, "no"))
    assert (span.name, span.attributes, span.status.status_code) == ("call", {"user.id": "7"}, StatusCode.UNSET)
    assert (copy.name, copy.attributes, copy.status.description) == ("other", {}, "no")
    assert (copy.context, copy.start_time, copy.end_time, copy.resource, copy.kind) == (
        span.context,
        span.start_time,
        span.end_time,
        span.resource,
        span.kind,
    )
    assert isinstance(copy, ReadableSpan)


def test_structures_are_json_texts_for_exporters_and_scalars_stay() -> None:
    messages = [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
    exported = ended({"gen_ai.input.messages": messages, "count": 3, "reasons": ("stop",)}).for_export()
    assert exported.attributes == {
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]',
        "count": 3,
        "reasons": ("stop",),
    }


def test_what_the_limits_of_the_sdk_dropped_is_known_and_what_can_be_read_is_not_copied() -> None:
    limits = SpanLimits(max_span_attributes=2, max_events=1, max_links=1)
    tracer = TracerProvider(shutdown_on_exit=False, span_limits=limits).get_tracer("tests")
    links = [Link(SpanContext(1, number, False)) for number in (1, 2, 3, 4)]
    live: Any = tracer.start_span("call", attributes={"a": 1, "reasons": ("stop", "length"), "count": 3}, links=links)
    live.add_event("one")
    live.add_event("two", {"words": ("three",)})
    live.end()
    given = live._readable_span()
    span = EndedSpan.of(given)
    assert span.attributes == {"reasons": ("stop", "length"), "count": 3}
    assert [(event.name, dict(event.attributes or {})) for event in span.events] == [("two", {"words": ("three",)})]
    assert span.links == given.links == tuple(links[-1:])
    assert (span.dropped_attributes, span.dropped_events, span.dropped_links) == (1, 1, 3)
    assert encode_spans([span.for_export()]) == encode_spans([given])
    plain = span.edited(events=(), attributes={"reasons": ("stop",), "words": ["Grüße"]})
    assert plain.dropped == span.dropped
    assert plain.for_export() is plain


def test_what_a_class_of_others_shows_of_a_span_is_what_is_exported() -> None:
    class Hidden(ReadableSpan):
        @property
        def attributes(self) -> dict[str, Any]:
            return {"user.id": "hidden"}

        @property
        def events(self) -> tuple[Event, ...]:
            return ()

    span = EndedSpan.of(Hidden("call", attributes={"user.id": "7"}, events=[Event("said")]))
    assert (span.attributes, span.events) == ({"user.id": "hidden"}, ())


def test_what_is_nested_without_end_is_cut_as_well() -> None:
    assert as_json(cut(deep(2000), 5)).count("[") < 40


@given(value=ANYTHING, limit=st.integers(1, 10))
def test_texts_are_cut_inside_their_structure(value: Any, limit: int) -> None:
    def check(now: Any, before: Any, depth: int) -> None:
        if isinstance(before, str):
            assert now == before or (now.startswith(before[:limit]) and "characters more" in now)
        elif isinstance(before, list) and depth < 30:
            assert len(now) == len(before)
            for one, other in zip(now, before, strict=True):
                check(one, other, depth + 1)
        elif isinstance(before, dict) and depth < 30:
            assert now.keys() == before.keys()
            for key in before:
                check(now[key], before[key], depth + 1)

    check(cut(value, limit), value, 0)


def test_a_part_of_the_content_that_cannot_be_rendered_takes_no_other_along(mistakes: list[str]) -> None:
    content = CallContent()
    content.add(lambda: {"gen_ai.input.messages": []}, 1)
    content.add(lambda: 1 / 0, 1)  # type: ignore[arg-type, return-value]
    content.add(lambda: {"gen_ai.output.messages": []}, 1)
    assert content.attributes() == {"gen_ai.input.messages": [], "gen_ai.output.messages": []}
    assert "ZeroDivisionError" in mistakes.pop()


def test_its_resource_is_the_spans_and_is_written_as_json_once_for_many_spans() -> None:
    resource = Resource({"service.name": "shop", "deployment": "blue"}, "https://schema.example/1")
    spans = [EndedSpan.of(ReadableSpan(str(number), resource=resource)) for number in range(3)]
    assert all(span.resource == resource for span in spans)
    assert len({hash(span.resource) for span in spans} | {hash(resource)}) == 1
    assert spans[0].resource is spans[1].resource is spans[2].resource
    with mock.patch.object(Resource, "__hash__", side_effect=AssertionError):
        assert len({span.resource for span in spans}) == 1
    other = Resource({"service.name": "other"})
    assert EndedSpan.of(ReadableSpan("other", resource=other)).resource == other
