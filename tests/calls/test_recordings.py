"""What OpenAI has answered to others, answered to us: the stored span says what the body says."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import openai
import pytest
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from llmtrace import LLM
from llmtrace.calls.reply import Reply
from llmtrace.calls.stream import AsyncStream, Stream
from llmtrace.models import Span
from llmtrace.tracing.setup import flush
from tests.calls.recordings import Recording, Said, read
from tests.databases import new_database
from tests.scripted import providers
from tests.servers.http import ScriptedServer
from tests.services import cassettes

NAMED: Final = ("temperature", "seed", "stop", "tools", "tool_choice")
OURS: Final = ("model", "messages", "stream", "stream_options")


def chats() -> list[Any]:
    """Every recording of OpenAI's chat completions as a test's parameter; one that skips where there are none."""
    try:
        folder = cassettes()
    except pytest.skip.Exception as skipped:
        return [pytest.param(None, marks=pytest.mark.skip(reason=str(skipped)))]
    return [pytest.param(each, id=each.name) for each in read(folder) if each.is_openai_chat]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("recordings")
    with django_db_blocker.unblock(), new_database("sqlite", folder) as alias:
        yield alias


@pytest.fixture
def stored(server: ScriptedServer, database: str) -> Iterator[None]:
    """What is called is stored in the database."""
    settings = {"PROVIDERS": providers(server), "EXPORTERS": [{"BACKEND": "llmtrace.exporters.Database"}]}
    with override_settings(LLMTRACE={**settings, "DATABASE": database}):
        yield


def asked(recording: Recording) -> dict[str, Any]:
    """The recorded request as keywords."""
    body = recording.asked
    named: dict[str, Any] = {name: body[name] for name in NAMED if name in body}
    extra = {name: value for name, value in body.items() if name not in (*NAMED, *OURS)}
    return {"messages": body["messages"], "extra": extra, **named}


def replayed(recording: Recording) -> Reply[Any]:
    """The answer, sync or async as it was recorded."""
    llm, streamed = LLM(recording.asked["model"]), recording.asked.get("stream")
    if "_async_" in recording.file:
        return asyncio.run(areplayed(recording))
    if not streamed:
        reply: Reply[Any] = llm.chat(**asked(recording))
        return reply
    stream: Stream[Any] = llm.stream(**asked(recording))
    assert "".join(chunk.text for chunk in stream) == Said.by(recording).texts[0]
    return stream.reply


async def areplayed(recording: Recording) -> Reply[Any]:
    llm, streamed = LLM(recording.asked["model"]), recording.asked.get("stream")
    if not streamed:
        reply: Reply[Any] = await llm.achat(**asked(recording))
        return reply
    stream: AsyncStream[Any] = llm.astream(**asked(recording))
    assert "".join([chunk.text async for chunk in stream]) == Said.by(recording).texts[0]
    return stream.reply


@pytest.mark.parametrize("recording", chats())
@pytest.mark.usefixtures("stored")
def test_the_stored_span_says_what_the_recorded_body_says(
    recording: Recording, server: ScriptedServer, database: str
) -> None:
    server.answers(recording.script())
    if recording.status >= 400:
        with pytest.raises(openai.APIStatusError) as caught:
            replayed(recording)
        assert flush(10)
        span = Span.objects.using(database).latest("id")
        assert (span.status, span.error_type) == ("ERROR", f"openai.{type(caught.value).__name__}")
        assert caught.value.status_code == recording.status
        assert json.loads(recording.body)["error"]["message"] in span.content.data
        return

    reply = replayed(recording)
    assert flush(10)
    span = Span.objects.using(database).with_content().get(span_id=reply.span_id)
    check(span, Said.by(recording))
    assert (span.operation, span.provider, span.status, span.kind) == ("chat", "openai", "UNSET", "CLIENT")
    assert {**server.requests[0].json, "stream": None, "stream_options": None} == {
        **recording.asked,
        "stream": None,
        "stream_options": None,
    }


def check(span: Span, said: Said) -> None:
    """Compare a stored span with what was said, number by number."""
    assert (span.model, span.attributes["gen_ai.response.id"]) == (said.model, said.id)
    assert span.attributes["gen_ai.response.finish_reasons"] == [said.finish[index] for index in said.choices]
    messages = span.content.load()["gen_ai.output.messages"]
    assert len(messages) == len(said.choices)
    for message, index in zip(messages, said.choices, strict=True):
        text = [part["content"] for part in message["parts"] if part["type"] == "text"]
        calls = [part for part in message["parts"] if part["type"] == "tool_call"]
        assert "".join(text) == said.texts[index]
        assert [{"id": call["id"], "name": call["name"], "arguments": call["arguments"]} for call in calls] == [
            {**call, "arguments": json.loads(call["arguments"])} for call in said.tools[index]
        ]
        assert message["finish_reason"] == said.finish[index]
    check_usage(span, said)


def check_usage(span: Span, said: Said) -> None:
    """Every number of the usage has its place; those that the conventions name no attribute for are 0 in all."""
    if said.usage is None:
        assert (span.input_tokens, span.output_tokens, span.cost) == (None, None, None)
        return
    left = dict(said.usage)
    given, taken = left.pop("prompt_tokens_details", {}), left.pop("completion_tokens_details", {})
    assert span.input_tokens == left.pop("prompt_tokens")
    assert span.output_tokens == left.pop("completion_tokens")
    assert (span.input_tokens or 0) + (span.output_tokens or 0) == left.pop("total_tokens")
    assert span.cached_tokens == given.pop("cached_tokens", None)
    assert span.reasoning_tokens == taken.pop("reasoning_tokens", None)
    assert not any((*left.values(), *given.values(), *taken.values())), "a number has no place"
    assert span.cost is not None
    assert span.cost > 0


def reason(recording: Recording) -> str:
    """Why a recording is left out here."""
    host, path = urlsplit(recording.uri).hostname or "", urlsplit(recording.uri).path
    if host == "api.openai.com":
        return f"OpenAI, but {path}: no chat completion"
    return f"another provider ({host}): not OpenAI chat, due with that provider"


def test_every_recording_of_openai_chat_is_covered_and_each_other_one_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    every = read(cassettes())
    covered = [each for each in every if each.is_openai_chat]
    left_out = {each.name: reason(each) for each in every if not each.is_openai_chat}
    with capsys.disabled():
        print(f"\ncovered: {len(covered)} of {len(every)} recorded answers")  # noqa: T201
        for why, count in sorted(Counter(left_out.values()).items()):
            print(f"left out: {count:3}  {why}")  # noqa: T201
    print("\n".join(f"{name}: {why}" for name, why in left_out.items()))  # noqa: T201
    assert len(covered) == len(chats())
    assert len(covered) + len(left_out) == len(every)
    asked = [each.asked for each in covered]
    assert any(each.get("stream") for each in asked)
    assert any(each.get("tools") for each in asked)
    assert any(each.get("n", 1) > 1 for each in asked)
    assert any(each.status >= 400 for each in covered)
