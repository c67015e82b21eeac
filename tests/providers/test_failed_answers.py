"""Answers that say themselves that they have failed, while the HTTP status says that all is well."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from opentelemetry.trace import StatusCode

from llmtrace import LLM
from llmtrace.pipeline.ended import EndedSpan
from tests.providers.house import House
from tests.providers.rows import ROWS, Row
from tests.servers.http import whole
from tests.servers.responses import Responses
from tests.servers.wire import COUNTED, Host, Said, answer, event

ERROR = {"code": "server_error", "message": "The model is down."}


def row(name: str) -> Row:
    """A provider by its name."""
    return next(each for each in ROWS if each.name == name)


def failed_response() -> dict[str, Any]:
    """A response that has failed after some of it was said."""
    return {**Responses().body(Said("Read The ")), "status": "failed", "error": ERROR}


@pytest.fixture
def responses(house: House) -> Host:
    """OpenAI's Responses API."""
    return house.host(row("openai responses"))


def only(house: House) -> EndedSpan:
    """The only span, which is that of a call that failed."""
    (span,) = house.spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["gen_ai.usage.output_tokens"] == 7
    return span


def test_a_response_that_failed_is_returned_as_the_sdk_returns_it(house: House, responses: Host) -> None:
    responses.answers(answer(failed_response()))
    reply = LLM("gpt-5-mini", provider="openai responses").chat("Hi")
    assert (reply.text, reply.finish_reasons) == ("Read The ", ("failed",))
    span = only(house)
    assert span.attributes["error.type"] == "server_error"
    assert span.attributes["gen_ai.response.finish_reasons"] == ("failed",)


def test_a_streamed_response_that_failed_raises_after_all_that_was_said(house: House, responses: Host) -> None:
    events = responses.wire.events(Said("Read The "))[:-1]
    responses.answers(responses.wire.flow([*events, event({"type": "response.failed", "response": failed_response()})]))
    stream = LLM("gpt-5-mini", provider="openai responses").stream("Hi")
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert (type(caught.value), str(caught.value)) == (openai.APIError, "The model is down.")
    assert (stream.reply.text, stream.reply.finish_reasons, stream.reply.usage) == ("Read The ", ("failed",), COUNTED)
    span = only(house)
    assert span.attributes["error.type"] == "openai.APIError"
    assert span.attributes["llmtrace.stream.outcome"] == "failed"
    assert span.attributes["gen_ai.response.id"] == "resp_1"


@pytest.mark.parametrize("name", ["mistral", "openrouter"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_finish_reason_that_means_a_failure(house: House, name: str, *, streamed: bool) -> None:
    host, llm = house.host(row(name)), LLM("m", provider=name)
    end = host.wire.words["length"].encode()
    if streamed:
        events = [
            each.replace(b'"%s"' % end, b'"error"') for each in host.wire.events(Said("Read The ", finish="length"))
        ]
        host.answers(host.wire.flow(events))
        stream = llm.stream("Hi")
        assert "".join(chunk.text for chunk in stream) == "Read The "
        reply = stream.reply
    else:
        body = json.dumps(host.wire.body(Said("Read The ", finish="length"))).encode().replace(end, b"error")
        host.answers(whole(200, body, {"content-type": "application/json"}))
        reply = llm.chat("Hi")
    assert (reply.text, reply.finish_reasons) == ("Read The ", ("error",))
    span = only(house)
    assert span.attributes["error.type"] == "error"
    assert span.attributes.get("llmtrace.stream.outcome") == ("failed" if streamed else None)


@pytest.mark.parametrize("code", [502, "server_error", None])
def test_an_error_in_the_place_of_an_answer_is_returned_as_the_sdk_returns_it(house: House, code: Any) -> None:
    host = house.host(row("openrouter"))
    error = {"message": "Provider returned error", **({} if code is None else {"code": code})}
    host.answers(answer({"id": "gen-1", "error": error, "user_id": "user_1"}))
    reply = LLM("openai/gpt-4o-mini", provider="openrouter").chat("Hi")
    assert (reply.text, reply.finish_reasons, reply.raw.error["message"]) == ("", (), "Provider returned error")
    (span,) = house.spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == str(code or "error")
