"""Async clients live and die with their event loop."""

from __future__ import annotations

import asyncio
import gc

import httpx2
import pytest
from asgiref.sync import async_to_sync

from llmtrace import LLM
from llmtrace.providers.loops import PerLoop
from llmtrace.providers.openai import OpenAI
from llmtrace.providers.registry import get_provider
from llmtrace.testing import CapturedSpans, captured_spans
from tests.scripted import providers
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, completion, stream
from tests.waiting import until


def clients() -> int:
    provider = get_provider("default")
    assert isinstance(provider, OpenAI)
    return len(provider._async_clients)


def test_a_loop_that_has_run_leaves_no_client_and_no_connection(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(*[answer() for _ in range(6)])
    for _ in range(3):
        asyncio.run(LLM("gpt-4o-mini").achat("Hello"))
        async_to_sync(LLM("gpt-4o-mini").achat)("Hello")
    assert len(spans) == 6
    assert clients() == 0
    until(lambda: server.connections == 0, "the connections are closed")


def test_calls_of_one_loop_share_a_connection(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(answer(), answer(), stream())

    async def three() -> int:
        await LLM("gpt-4o-mini").achat("Hello")
        await LLM("gpt-4o-mini").achat("Hello")
        async for _ in LLM("gpt-4o-mini").astream("Hello"):
            pass
        return server.connections

    assert asyncio.run(three()) == 1


def test_an_http_client_that_was_given_is_not_closed(server: ScriptedServer) -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=completion())

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(handler))
    with captured_spans(PROVIDERS=providers(server, http_client=http)):
        asyncio.run(LLM("gpt-4o-mini").achat("Hello"))
        assert clients() == 0
    assert not http.is_closed
    asyncio.run(http.aclose())


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_loop_that_was_closed_without_being_shut_down_is_forgotten() -> None:
    closed: list[object] = []

    async def close(client: object) -> None:
        closed.append(client)

    kept = PerLoop[object](close)
    crashed = asyncio.new_event_loop()
    crashed.run_until_complete(kept.get(object))
    crashed.close()
    assert (len(kept), closed) == (1, [])

    async def later() -> int:
        await kept.get(object)
        return len(kept)

    assert asyncio.run(later()) == 1
    gc.collect()
    assert len(kept) == 0
    assert len(closed) == 1
