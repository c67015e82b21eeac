"""What went wrong in a call that keeps no content is told by no span, wherever its exception gets to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import openai
import pytest
from celery import Celery
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from llmtrace import LLM
from llmtrace.middleware import LLMTraceMiddleware
from llmtrace.testing import CapturedSpans
from tests.scripted import ask, open_stream
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, choice, completion, refusal, tools

SAID: Final = "I do not speak of Mordor."


class Trouble(Exception):
    """The host's own."""


def call(capture: bool | None) -> None:
    ask(**({} if capture is None else {"capture_content": capture}))


def stream(capture: bool | None) -> None:
    list(open_stream(**({} if capture is None else {"capture_content": capture})))


def wrapped(capture: bool | None) -> None:
    try:
        call(capture)
    except openai.OpenAIError as error:
        raise Trouble(f"The model has failed: {error}") from error


def replaced(capture: bool | None) -> None:
    try:
        call(capture)
    except openai.OpenAIError as error:
        raise Trouble(f"The model has failed: {error}") from None


def grouped(capture: bool | None) -> None:
    try:
        call(capture)
    except openai.OpenAIError as error:
        group = ExceptionGroup("all that failed", [error])
    raise group


def in_a_tool(capture: bool | None) -> None:
    def look_up(title: str) -> str:
        call(capture)
        return title

    LLM("gpt-4o-mini").chat("Look it up", tools=[look_up], tool_rounds=1)


def request(work: Callable[[], None]) -> None:
    """A view that lets the exception go."""

    def view(request: HttpRequest) -> HttpResponse:
        work()
        return HttpResponse()

    LLMTraceMiddleware(view)(RequestFactory().get("/"))


def job(work: Callable[[], None]) -> None:
    """A job that fails with it."""
    app = Celery("untold", set_as_current=False)

    @app.task(name="job", shared=False)
    def run() -> None:
        work()

    run.apply(throw=True)


def texts(spans: CapturedSpans) -> str:
    """All that the spans hold."""
    return repr([(each.name, each.attributes, each.status.description, each.events) for each in spans]) + repr(
        [dict(event.attributes or {}) for each in spans for event in each.events]
    )


WORK: Final = (call, stream, wrapped, replaced, grouped, in_a_tool)


@pytest.mark.parametrize("around", [request, job])
@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("capture", [None, False])
def test_its_text_is_on_no_span_unless_the_call_keeps_content(
    server: ScriptedServer, spans: CapturedSpans, capture: bool | None, work: Any, around: Any
) -> None:
    if work is in_a_tool:
        server.answers(answer(completion(choice(None, "tool_calls", **tools(("c1", "look_up", '{"title": "Dune"}'))))))
    server.answers(refusal(400, SAID))
    with pytest.raises((openai.BadRequestError, Trouble, ExceptionGroup)) as caught:
        around(lambda: work(capture))
    assert SAID in repr(caught.value)
    outer = spans[-1]
    assert str(outer.attributes["error.type"]).endswith(type(caught.value).__name__)
    assert [event.name for event in outer.events] == ["exception"]
    assert (SAID in texts(spans)) is (capture is None)
