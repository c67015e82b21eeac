"""The trace page: the tree, the numbers, and all that is known of the span that is selected."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client, override_settings
from pytest_django import DjangoAssertNumQueries

from llmtrace.dashboard import trace
from llmtrace.models import Span
from tests.dashboard import rows
from tests.dashboard.rows import TRACE, text

pytestmark = pytest.mark.django_db


def url(trace_id: str = TRACE) -> str:
    return f"/admin/llmtrace/trace/{trace_id}/"


def html(client: Client, span: Span | None = None, trace_id: str = TRACE) -> str:
    """The page of a trace, with a span selected."""
    answer = client.get(url(span.trace_id if span else trace_id), {"span": span.span_id} if span else {})
    assert answer.status_code == 200
    return answer.content.decode()


def words(markup: str) -> str:
    """The text of a piece of HTML on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).split()).replace(" ,", ",")


def panel(client: Client, span: Span) -> str:
    """What the panel says of a span."""
    return words(html(client, span).split("<aside")[1])


def tree(client: Client, trace_id: str = TRACE) -> list[tuple[int, str]]:
    """The rows of the waterfall: level and words."""
    body = re.search(r"<tbody>(.*)</tbody>", html(client, trace_id=trace_id), re.DOTALL)
    assert body
    found = [words(row.split("<svg")[0]) for row in body[1].split("</tr>")[:-1]]
    return [(int(level), said) for level, said in (re.match(r"Level (\d+): (.*)", row).groups() for row in found)]  # type: ignore[union-attr]


def test_request_calls_and_jobs_are_one_tree(client_of_viewer: Client) -> None:
    rows.shop_trace()
    assert tree(client_of_viewer) == [
        (1, "POST /recommend/"),
        (2, "recommend_book"),
        (2, "publish summarise_reviews"),
        (3, "waited in queue default"),
        (3, "summarise_reviews attempt 1 tried again"),
        (4, "summarise 429 ×2, then APITimeoutError"),
        (3, "put off"),
        (3, "summarise_reviews attempt 2"),
        (4, "summarise after 429"),
        (5, "execute_tool find_reviews"),
        (4, "embed text-embedding-3-small"),
        (4, "publish notify_owner"),
        (5, "notify_owner"),
    ]


def test_an_attempt_that_is_tried_again_is_drawn_as_a_failure(client_of_viewer: Client) -> None:
    attempts = rows.shop_trace()
    page = html(client_of_viewer)
    for name, mark in (("run 1", "failed"), ("run 2", "job")):
        row = page.split(f'id="s-{attempts[name].span_id}"')[1].split("</tr>")[0]
        assert f'class="lt-mark lt-{mark}"' in row
        assert f'<rect class="lt-{mark}"' in row


def test_the_head_tells_whose_story_it_is_and_what_it_took(client_of_viewer: Client) -> None:
    rows.shop_trace()
    head = words(html(client_of_viewer).split('class="lt-head"')[1].split('class="lt-columns"')[0])
    for said in (
        "POST /recommend/ and the jobs that it started",
        "user 4711",
        "session 9f2c44d1a8b3",
        "tags: search, beta",
        "22 Nov 2026, 11:58:18.204",
        "Whole story 6.37 s",
        "Answer to the user 2.31 s",
        "First chunk 452 ms",
        "Calls 4 1 failed",
        "Tokens 2 927 → 539",
        "Cost $0.0112",
        "Waited 461 ms",
    ):
        assert said in head.replace("\u202f", " ")


def test_what_nobody_knows_has_no_place_in_the_strip(client_of_viewer: Client) -> None:
    lone = rows.step("a step")
    strip = words(html(client_of_viewer, lone).split('class="lt-strip"')[1].split("</dl>")[0])
    assert strip == "> Whole story 1.20 s Calls 0"


def test_a_call_without_a_price_is_told(client_of_viewer: Client) -> None:
    assert "1 without a price" in words(html(client_of_viewer, rows.span(input_tokens=5)))


def test_people_lead_to_their_spans(client_of_viewer: Client) -> None:
    page = html(client_of_viewer, rows.span(user_id="a&b", conversation_id="c 1"))
    assert '<a class="lt-chip" href="/admin/llmtrace/span/?show=all&amp;user_id=a%26b">' in page
    assert '<a class="lt-chip" href="/admin/llmtrace/span/?show=all&amp;conversation_id=c+1">' in page


def test_keys_that_nobody_reads_stand_by_their_ends(client_of_viewer: Client) -> None:
    page = html(client_of_viewer, rows.span(session_id="16557645" * 4))
    assert "<bdi>1655…7645</bdi>" in page
    assert f'title="{"16557645" * 4}"' in page


def test_without_a_choice_the_first_call_is_selected(client_of_reader: Client) -> None:
    rows.shop_trace()
    assert "Recommend a fantasy book" in html(client_of_reader)
    lone = rows.step("just a step")
    assert 'aria-current="true"' in html(client_of_reader, trace_id=lone.trace_id)


def test_the_selected_span_is_marked_and_tells_what_was_said(client_of_reader: Client) -> None:
    span = rows.shop_trace()["summarise"]
    assert f'<tr id="s-{span.span_id}" class="lt-on" aria-current="true">' in html(client_of_reader, span)
    said = panel(client_of_reader, span).replace("\u202f", " ")
    for each in (
        "summarise claude-sonnet-4-5 anthropic Call · completed · 1.26 s, first chunk after 610 ms",
        f"System {rows.SYSTEM}",
        f"User {rows.QUESTION}",
        "Assistant find_reviews(book_id=1182, limit=38)",
        "Tool · find_reviews · 112 ms 38 reviews, 4.6 of 5 …",
        f"Assistant · end_turn {rows.ANSWER}",
        "Input 2 104 tokens, 1 536 of them cached",
        "Output 311 tokens, 0 of them reasoning",
        "Cost $0.01098",
        "Prompt summarise 3f9a11c0",
        "Temperature 0.2",
        "Max tokens 1 024",
        "Server api.anthropic.com",
        "Response id msg_01X8sppiaZkQ3mB7",
        "Template and 2 variables",
        "title The Name of the Wind",
        "Attempts 1 429, waited 500 ms 2 ok",
        "llmtrace.metadata.shelf fantasy",
    ):
        assert each in said


def test_an_error_is_told_with_its_message_and_stack(client_of_reader: Client) -> None:
    said = panel(client_of_reader, rows.shop_trace()["failed"])
    assert "Error openai.APITimeoutError Request timed out. Stack Traceback (most recent call last):" in said
    assert "Attempts 1 429, waited 500 ms 2 429, waited 900 ms 3 APITimeoutError" in said


def test_an_error_without_an_exception_is_told_by_its_description(client_of_reader: Client) -> None:
    span = rows.span(status="ERROR", error_type="_OTHER", content={"status_description": "The stream was cut short."})
    assert "Error _OTHER The stream was cut short." in panel(client_of_reader, span)


def test_a_tool_tells_what_it_was_called_with_and_what_it_returned(client_of_reader: Client) -> None:
    said = panel(client_of_reader, rows.shop_trace()["tool"])
    assert 'Called with { "book_id": 1182, "limit": 38 }' in said
    assert "Returned 38 reviews, 4.6 of 5 …" in said


def test_choices_reasoning_and_media_have_their_own_look(client_of_reader: Client) -> None:
    image = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "QUJD" * 250}
    content = {
        "gen_ai.input.messages": [{"role": "user", "parts": [image, {"type": "text", "content": "What is it?"}]}],
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm."}], "finish_reason": "stop"},
            text("assistant", "A cat.", finish_reason="stop"),
        ],
    }
    said = panel(client_of_reader, rows.span(content=content))
    assert "User image · image/png · 750 bytes What is it?" in said
    assert "Assistant · choice 1 · stop Reasoning Hm. Assistant · choice 2 · stop A cat." in said
    assert "QUJD" not in said


def test_links_lead_to_other_traces_and_foreign_ids_nowhere(client_of_viewer: Client) -> None:
    links = [
        {"trace_id": "b" * 32, "span_id": "c" * 16, "attributes": {"why": "incoming"}},
        {"trace_id": "javascript:alert(1)", "span_id": "x"},
        "nonsense",
    ]
    page = html(client_of_viewer, rows.span(links=links))
    assert f'<a href="{url("b" * 32)}?span={"c" * 16}">' in page
    assert "incoming" in page
    assert "javascript:" not in page


def test_content_that_is_gone_is_said_to_be(client_of_reader: Client) -> None:
    assert "Nothing of what was said was kept." in panel(client_of_reader, rows.span())


def test_spans_whose_parent_is_not_stored_are_marked(client_of_viewer: Client) -> None:
    rows.step("root", trace_id=TRACE, span_id="a" * 16)
    rows.step("lost", trace_id=TRACE, span_id="b" * 16, parent_id="f" * 16, at=-9)
    assert tree(client_of_viewer) == [(1, "root"), (2, "lost parent not stored")]


def test_a_child_that_began_before_its_parent_is_shown_and_marked(client_of_viewer: Client) -> None:
    rows.step("root", trace_id=TRACE, span_id="a" * 16)
    rows.step("child", trace_id=TRACE, parent_id="a" * 16, at=-500)
    assert tree(client_of_viewer) == [(1, "root"), (2, "child clocks differ")]


def test_a_trace_of_thousands_of_spans_shows_the_first_ones_and_the_selected_one(
    client_of_viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "MAX_SPANS", 50)
    columns = [rows.columns(f"step {n}", at=n, trace_id=TRACE, parent_id=None) for n in range(200)]
    Span.objects.bulk_create(Span(**each) for each in columns)
    names = [name for _, name in tree(client_of_viewer)]
    assert names == [f"step {n}" for n in range(50)]
    last = html(client_of_viewer, Span.objects.get(name="step 199"))
    assert "spans of a longer trace." in last
    assert last.count("<tr id=") == 51
    assert re.search(r'aria-current="true">.*step 199', last, re.DOTALL)


def test_a_trace_takes_as_many_queries_for_many_spans_as_for_few(
    client_of_reader: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client_of_reader.get(url())
    for total in (1, 300):
        new = [rows.columns(trace_id=TRACE, parent_id=None) for _ in range(total - Span.objects.count())]
        Span.objects.bulk_create(Span(**each) for each in new)
        # session, user, 2 for permissions, the spans, open ones, what is linked, the content of one
        with django_assert_num_queries(8):
            client_of_reader.get(url())


def test_a_trace_that_is_not_stored_says_why_that_may_be(client_of_viewer: Client) -> None:
    answer = client_of_viewer.get(url("0" * 32))
    assert answer.status_code == 404
    assert "Nothing of the trace" in answer.content.decode()


@pytest.mark.parametrize("trace_id", ["0" * 31, "0" * 33, "G" * 32, "../span", "%00"])
def test_what_is_no_trace_id_is_not_found(client_of_viewer: Client, trace_id: str) -> None:
    assert client_of_viewer.get(f"/admin/llmtrace/trace/{trace_id}/").status_code == 404


@pytest.mark.parametrize("span_id", ["nonsense", "", "a\0b", "<script>", "x" * 5_000])
def test_a_choice_that_is_not_there_is_no_choice(client_of_viewer: Client, span_id: str) -> None:
    row = rows.span()
    page = client_of_viewer.get(url(row.trace_id), {"span": span_id})
    assert page.status_code == 200
    assert "<script>" not in page.content.decode()


HOSTILE = '</pre><script>alert("x")</script><img src=x onerror=alert(1)>\u202egpj.exe\0\ud800' + "w" * 1_000_000


def test_hostile_text_is_text_wherever_it_stands(client_of_reader: Client) -> None:
    content = {
        "gen_ai.system_instructions": HOSTILE,
        "gen_ai.input.messages": [{"role": HOSTILE, "parts": [HOSTILE, {"type": "tool_call", "name": HOSTILE}]}],
        "gen_ai.output.messages": [text("assistant", HOSTILE, finish_reason=HOSTILE), {"parts": [{"type": HOSTILE}]}],
        "gen_ai.tool.call.arguments": {HOSTILE: HOSTILE},
        "gen_ai.tool.call.result": HOSTILE,
        "llmtrace.prompt.template": HOSTILE,
        f"gen_ai.prompt.variable.{HOSTILE}": HOSTILE,
        "status_description": HOSTILE,
        "events": {"0": {"exception.message": HOSTILE, "exception.stacktrace": HOSTILE}},
        HOSTILE: HOSTILE,
    }
    short = HOSTILE[:90].replace("\0", "").replace("\ud800", "")
    row = rows.span(
        short,
        status="ERROR",
        error_type=short,
        model=short,
        provider=short[:60],
        service=short,
        user_id=short,
        session_id=short,
        attributes={
            "llmtrace.tags": [short],
            "gen_ai.request.temperature": short,
            short: short,
            "gen_ai.prompt.name": short,
        },
        events=[
            {"name": "exception", "offset_ms": "x", "attributes": {"exception.type": short}},
            {"name": short, "offset_ms": 1.0, "attributes": {short: short}},
            {"name": "llmtrace.retry", "attributes": {"error.type": short}},
        ],
        links=[{"trace_id": "b" * 32, "span_id": short, "attributes": {short: short}}],
        content=content,
    )
    page = html(client_of_reader, row)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert not {"\0", "\u202e", "\ud800"} & set(page)
    assert len(page) < 1_500_000
    assert "more characters, whole in the JSON" in page


@pytest.mark.parametrize("column", ["attributes", "events", "links"])
@pytest.mark.parametrize("value", [[], {}, "text", 7, [1, "x", None, {"name": None, "attributes": []}]])
def test_columns_that_another_writer_filled_break_no_page(client_of_reader: Client, column: str, value: Any) -> None:
    assert html(client_of_reader, rows.span(**{column: value}))


def test_numbers_for_drawing_are_the_same_in_every_language(client_of_viewer: Client) -> None:
    row = rows.span(first_chunk_ms=333.3)
    with override_settings(LANGUAGE_CODE="de", USE_THOUSAND_SEPARATOR=True):
        page = html(client_of_viewer, row)
    assert re.findall(r'(?:x|width|x1|x2)="([\d.,]+%)"', page)
    assert not re.search(r'(?:x|width|x1|x2)="\d+,\d+%"', page)


def test_the_page_has_no_script_style_or_handler_of_its_own(client_of_reader: Client) -> None:
    rows.shop_trace()
    for page in (html(client_of_reader), client_of_reader.get("/admin/llmtrace/span/").content.decode()):
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert "<style" not in page
        assert not re.search(r"<[^>]+\s(style|on\w+)=", page)


def test_what_was_sent_is_no_attempt_and_a_job_of_its_own_trace_was_not_put_off_in_it(client_of_viewer: Client) -> None:
    job = {"messaging.message.id": "x", "llmtrace.job.attempt": 1, "llmtrace.job.delay": 3600.0}
    rows.step("publish", kind="PRODUCER", trace_id=TRACE, span_id="a" * 16, attributes=job)
    rows.step("linked", kind="CONSUMER", trace_id=TRACE, at=9, attributes=job)
    assert tree(client_of_viewer) == [(1, "publish"), (1, "linked")]
