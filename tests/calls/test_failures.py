"""A call that fails raises what the bare SDK raises, and its span says so: one span, with status, type and text."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final

import openai
import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from llmtrace import LLM
from llmtrace.testing import CapturedSpans
from tests.scripted import ask
from tests.servers.http import ScriptedServer, head, reset, whole
from tests.servers.openai import TEXT, answer, base_url, refusal

MESSAGES: Final[Any] = [{"role": "user", "content": "Recommend a fantasy book"}]
HALF: Final = head(200, {"content-type": "application/json", "content-length": "1000"}) + b'{"id": "chatcmpl-B1", '


def torn(connection: Any) -> bool:
    """Half of an answer, and then the end of the connection."""
    connection.sendall(HALF)
    return False


FAULTS: Final[dict[str, Callable[[], Any]]] = {
    "400": lambda: refusal(400, "No such parameter."),
    "401": lambda: refusal(401, "Incorrect API key provided."),
    "403": lambda: refusal(403),
    "404": lambda: refusal(404, "No such model.", "model_not_found"),
    "409": lambda: refusal(409),
    "422": lambda: refusal(422),
    "429": lambda: refusal(429, "Slow down.", "rate_limit_exceeded"),
    "500": lambda: refusal(500),
    "503 in HTML": lambda: whole(503, b"<html>Bad gateway</html>", {"content-type": "text/html"}),
    "reset before the answer": reset,
    "reset inside the answer": lambda: reset(HALF),
    "torn inside the answer": lambda: torn,
    "no JSON": lambda: whole(200, b"not JSON", {"content-type": "application/json"}),
}


CALLS: Final[dict[str, Callable[[], Any]]] = {
    "sync": lambda: ask(max_retries=0),
    "async": lambda: asyncio.run(LLM("gpt-4o-mini").achat("Recommend a fantasy book", max_retries=0)),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("mode", CALLS)
def test_the_exception_is_that_of_the_sdk(server: ScriptedServer, spans: CapturedSpans, fault: str, mode: str) -> None:
    server.answers(FAULTS[fault](), FAULTS[fault]())
    sdk = openai.OpenAI(api_key="sk-test", base_url=base_url(server), max_retries=0)
    with pytest.raises(Exception) as bare:  # noqa: PT011
        sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    sdk.close()
    with pytest.raises(type(bare.value)) as ours:
        CALLS[mode]()
    told, expected = ours.value, bare.value
    assert type(told) is type(expected)
    assert str(told) == str(expected)
    assert type(told.__cause__) is type(expected.__cause__)
    if isinstance(expected, openai.APIStatusError):
        assert isinstance(told, openai.APIStatusError)
        assert (told.status_code, told.body, told.code) == (expected.status_code, expected.body, expected.code)

    (span,) = spans
    name = f"{type(expected).__module__}.{type(expected).__qualname__}"
    assert (span.status.status_code, span.attributes["error.type"]) == (StatusCode.ERROR, name)
    assert span.status.description == f"{type(expected).__name__}: {expected}"
    (event,) = span.events
    assert event.name == "exception"
    assert event.attributes is not None
    assert (event.attributes["exception.type"], event.attributes["exception.message"]) == (name, str(expected))
    assert str(event.attributes["exception.stacktrace"]).rstrip().endswith(f"{type(expected).__name__}: {expected}")
    assert not {"gen_ai.response.id", "gen_ai.response.model", "gen_ai.usage.input_tokens"} & span.attributes.keys()
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_timeout_is_for_the_call_to_say(server: ScriptedServer, spans: CapturedSpans) -> None:
    release = threading.Event()

    def silent(connection: Any) -> bool:
        return not release.wait(10)

    server.answers(silent)
    with pytest.raises(openai.APITimeoutError):
        ask(timeout=0.05, max_retries=0)
    release.set()
    (span,) = spans
    assert span.attributes["error.type"] == "openai.APITimeoutError"


async def test_a_call_that_is_cancelled_has_not_failed(server: ScriptedServer, spans: CapturedSpans) -> None:
    asked, release = threading.Event(), threading.Event()

    def silent(connection: Any) -> bool:
        asked.set()
        return not release.wait(10)

    server.answers(silent)
    calling = asyncio.create_task(LLM("gpt-4o-mini").achat("Recommend a fantasy book"))
    assert await asyncio.to_thread(asked.wait, 10)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    release.set()
    (span,) = spans
    assert span.status.status_code is StatusCode.UNSET
    assert "error.type" not in span.attributes
    assert span.events == ()


def test_calls_of_many_threads_keep_apart(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(*[answer() for _ in range(40)])
    told: list[str] = []

    def view(number: int) -> None:
        with trace.get_tracer("tests").start_as_current_span(f"view {number}"):
            told.extend(ask().text for _ in range(5))

    threads = [threading.Thread(target=view, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [TEXT] * 40
    views = {span.context.span_id: 0 for span in spans if span.name.startswith("view") and span.context}
    for span in spans:
        if span.name.startswith("chat"):
            assert span.parent is not None
            views[span.parent.span_id] += 1
    assert list(views.values()) == [5] * 8
