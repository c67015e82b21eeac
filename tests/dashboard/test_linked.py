"""Jobs that run in traces of their own are shown with what sent them, as one story, on the page of either trace."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client

from llmtrace.models import Span
from tests.dashboard import rows

SENDER, JOB, NEXT = ("1" * 32, "2" * 32, "3" * 32)
DAY_MS: Final = 86_400_000.0


def job(trace_id: str, sent_by: Span, at: float, **attributes: Any) -> Span:
    """A run in a trace of its own, with a call below it."""
    link = {"trace_id": sent_by.trace_id, "span_id": sent_by.span_id, "attributes": {}}
    run = rows.step(
        f"job of {trace_id[0]}", at=at, kind="CONSUMER", trace_id=trace_id, linked_trace_id=sent_by.trace_id,
        links=[link], attributes={"llmtrace.job.queue_time": 0.5, "llmtrace.job.delay": 86_400.0, **attributes},
    )  # fmt: skip
    rows.span(f"call of {trace_id[0]}", at=at + 10, trace_id=trace_id, parent_id=run.span_id)
    return run


@pytest.fixture
def story(db: None) -> dict[str, Span]:
    """A request whose job begins a day later in a trace of its own, and sends another one that does the same."""
    request = rows.step("POST /order/", kind="SERVER", trace_id=SENDER)
    publish = rows.step("publish first", at=20, kind="PRODUCER", trace_id=SENDER, parent_id=request.span_id)
    first = job(JOB, publish, DAY_MS)
    again = rows.step("publish second", at=DAY_MS + 50, kind="PRODUCER", trace_id=JOB, parent_id=first.span_id)
    second = job(NEXT, again, 2 * DAY_MS)
    rows.span("of another story")
    return {"request": request, "publish": publish, "first": first, "again": again, "second": second}


def page(client: Client, trace_id: str) -> Any:
    return client.get(f"/admin/llmtrace/trace/{trace_id}/")


def tree(client: Client, trace_id: str) -> list[tuple[int, str]]:
    """Depth and name of each row that is a span."""
    lines = page(client, trace_id).context["lines"]
    return [(line.depth, line.name) for line in lines if line.kind not in ("wait", "delay")]


@pytest.mark.parametrize("trace_id", [SENDER, JOB, NEXT])
def test_each_of_its_traces_shows_the_whole_story(
    client_of_viewer: Client, story: dict[str, Span], trace_id: str
) -> None:
    assert tree(client_of_viewer, trace_id) == [
        (0, "POST /order/"),
        (1, "publish first"),
        (2, "job of 2"),
        (3, "call of 2"),
        (3, "publish second"),
        (4, "job of 3"),
        (5, "call of 3"),
    ]


def test_a_linked_job_is_marked_and_its_delay_is_shown(client_of_viewer: Client, story: dict[str, Span]) -> None:
    lines = page(client_of_viewer, SENDER).context["lines"]
    assert [line.name for line in lines if line.linked] == ["job of 2", "job of 3"]
    assert [line.duration for line in lines if line.kind == "delay"] == ["1 d 00 h", "1 d 00 h"]
    assert "linked</span>" in page(client_of_viewer, SENDER).content.decode()


def test_the_panel_begins_with_a_call_of_the_trace_that_was_asked_for(
    client_of_viewer: Client, story: dict[str, Span]
) -> None:
    assert [page(client_of_viewer, trace).context["panel"].name for trace in (JOB, NEXT)] == ["call of 2", "call of 3"]


def test_a_span_of_another_trace_of_the_story_can_be_selected_and_downloaded(
    client_of_viewer: Client, story: dict[str, Span]
) -> None:
    run = story["first"]
    shown = client_of_viewer.get(f"/admin/llmtrace/trace/{SENDER}/", {"span": run.span_id})
    assert shown.context["panel"].name == "job of 2"
    url = f"/admin/llmtrace/trace/{JOB}/json/?span={run.span_id}"
    assert url in shown.content.decode()
    assert client_of_viewer.get(url).json()["spans"][0]["span_id"] == run.span_id


def test_a_job_whose_sender_is_not_stored_is_a_trace_by_itself(
    client_of_viewer: Client, story: dict[str, Span]
) -> None:
    Span.objects.filter(trace_id__in=[SENDER, NEXT]).delete()
    assert tree(client_of_viewer, JOB) == [(0, "job of 2"), (1, "call of 2"), (1, "publish second")]
    lines = page(client_of_viewer, JOB).context["lines"]
    assert not [line for line in lines if line.kind == "delay" or line.linked or line.orphan]


def test_links_that_go_round_in_circles_end(client_of_viewer: Client, story: dict[str, Span]) -> None:
    Span.objects.filter(pk=story["request"].pk).update(
        kind="CONSUMER", linked_trace_id=NEXT, links=story["first"].links
    )
    assert len(tree(client_of_viewer, JOB)) == 7


def test_a_story_of_too_many_spans_keeps_those_of_its_own_trace(
    client_of_viewer: Client, story: dict[str, Span], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmtrace.dashboard.linked.MAX_SPANS", 5)
    shown = page(client_of_viewer, JOB)
    assert {"job of 2", "call of 2", "publish second", "POST /order/"} <= {line.name for line in shown.context["lines"]}
    assert shown.context["more"]


def test_what_is_linked_is_found_by_an_index_of_linked_spans_alone(story: dict[str, Span]) -> None:
    assert "llmtrace_span_linked" in Span.objects.filter(linked_trace_id=SENDER).explain()
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'llmtrace_span_linked'")
        assert "IS NOT NULL" in cursor.fetchone()[0]
