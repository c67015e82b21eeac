"""The page of a trace leads from a chord's body to its headers, and from each of these to the body."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from llmtrace.dashboard import chord
from llmtrace.models import Span
from tests.dashboard import rows

TRACE = "c" * 32
PUBLISH, RUN = "PRODUCER", "CONSUMER"

pytestmark = pytest.mark.django_db


def job(name: str, kind: str, task_id: str, at: float, body: str | None = None, **fields: Any) -> Span:
    attributes = {
        "messaging.message.id": task_id,
        "llmtrace.job.chord_id": body,
        "celery.state": fields.pop("state", None),
    }
    told = {key: value for key, value in attributes.items() if value is not None}
    return rows.step(name, kind=kind, at=at, attributes=told, **{"trace_id": TRACE, **fields})


def shown(client: Client, span: Span) -> dict[str, list[str]]:
    """What the panel of a span names as its chord's: ids of spans, by the heading."""
    page = client.get(f"/admin/llmtrace/trace/{span.trace_id}/?span={span.span_id}").content.decode()
    sections = re.findall(r"<section><h3>(Header|Body) of this chord</h3>(.*?)</section>", page, re.DOTALL)
    return {heading: re.findall(r"/trace/\w+/\?span=(\w+)", section) for heading, section in sections}


def test_the_body_leads_to_its_headers_and_each_of_them_to_the_body(client_of_viewer: Client) -> None:
    headers = [job(f"job {number}", RUN, f"h{number}", number, "body", state="SUCCESS") for number in range(3)]
    publish = job("publish total", PUBLISH, "body", 5)
    body = job("total", RUN, "body", 6)
    other = job("alone", RUN, "alone", 7)
    ids = [header.span_id for header in headers]
    assert shown(client_of_viewer, body) == shown(client_of_viewer, publish) == {"Header": ids}
    for header in headers:
        assert shown(client_of_viewer, header) == {"Body": [body.span_id]}
    assert shown(client_of_viewer, other) == {}


def test_a_header_is_its_last_attempt_or_its_message_while_there_is_none(client_of_viewer: Client) -> None:
    job("publish one", PUBLISH, "one", 0, "body")
    job("one", RUN, "one", 1, "body", state="RETRY")
    job("publish one", PUBLISH, "one", 2, "body")
    again = job("one", RUN, "one", 3, "body", state="SUCCESS")
    waiting = job("publish two", PUBLISH, "two", 4, "body")
    body = job("publish total", PUBLISH, "body", 5)
    assert shown(client_of_viewer, body) == {"Header": [again.span_id, waiting.span_id]}


def test_a_body_in_a_trace_of_its_own_leads_there_too(client_of_viewer: Client) -> None:
    publish = job("publish total", PUBLISH, "body", 0)
    header = job("one", RUN, "one", 1, "body")
    link = {"trace_id": TRACE, "span_id": publish.span_id, "attributes": {}}
    body = job("total", RUN, "body", 2, trace_id="d" * 32, links=[link], linked_trace_id=TRACE)
    assert shown(client_of_viewer, header) == {"Body": [body.span_id]}
    assert shown(client_of_viewer, body) == {"Header": [header.span_id]}


def test_a_long_header_is_cut_off(client_of_viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chord, "MOST", 2)
    for number in range(5):
        job(f"job {number}", RUN, f"h{number}", number, "body")
    body = job("total", RUN, "body", 6)
    page = client_of_viewer.get(f"/admin/llmtrace/trace/{TRACE}/?span={body.span_id}").content.decode()
    assert len(shown(client_of_viewer, body)["Header"]) == 2
    assert "3 more jobs" in page


def test_spans_that_are_no_jobs_and_ids_that_are_no_texts_are_of_no_chord(client_of_viewer: Client) -> None:
    step = rows.step("step", trace_id=TRACE, attributes={"messaging.message.id": "body"})
    odd = rows.step(
        "odd", kind=RUN, trace_id=TRACE, attributes={"messaging.message.id": ["a"], "llmtrace.job.chord_id": {}}
    )
    job("one", RUN, "one", 1, "body")
    assert shown(client_of_viewer, step) == shown(client_of_viewer, odd) == {}
