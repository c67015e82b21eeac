"""A stream that is left gives its connection back at once, whichever SDK holds it."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from llmtrace import LLM
from tests.providers.house import House
from tests.providers.rows import ROWS, Row
from tests.servers.http import Script
from tests.servers.wire import Said, Wire
from tests.servers.wire import flow as write

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_S = 10.0


def watching(wire: Wire, gone: threading.Event) -> Script:
    """An answer that stops in its middle; `gone` is set when the client has closed its connection."""
    events = wire.events(Said())
    begun = events[: len(events) // 2]
    headers = {"content-type": wire.stream_type, "transfer-encoding": "chunked", **wire.headers()}

    def script(connection: socket.socket) -> bool:
        connection.settimeout(PATIENCE_S)
        try:
            write(connection, headers, begun, "torn", b"")
            if connection.recv(1) == b"":
                gone.set()
        except ConnectionError:
            gone.set()
        return False

    return script


@pytest.fixture
def collecting() -> Iterator[None]:
    """What is dropped lets go by itself, and not when the collector comes around."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Left:
    """A stream of a provider that is about to be left."""

    def __init__(self, row: Row, house: House) -> None:
        host = house.host(row)
        self.gone = threading.Event()
        self.spans = house.spans
        self.llm = LLM(row.asked, provider=row.name)
        host.answers(watching(host.wire, self.gone))

    async def check(self) -> None:
        """The connection is closed, and the span says that the stream was abandoned."""
        assert await asyncio.to_thread(self.gone.wait, PATIENCE_S)
        (span,) = self.spans
        assert span.attributes["llmtrace.stream.outcome"] == "abandoned"


@pytest.fixture(params=ROWS[:12], ids=str)
def left(request: pytest.FixtureRequest, house: House) -> Left:
    """A provider whose next answer stops in its middle."""
    return Left(request.param, house)


@pytest.mark.parametrize("chunks", [0, 1])
async def test_a_stream_that_is_closed(left: Left, chunks: int) -> None:
    opened = left.llm.stream("Hi")
    for _ in range(chunks):
        next(opened)
    opened.close()
    await left.check()


@pytest.mark.parametrize("chunks", [0, 1])
async def test_an_async_stream_that_is_closed(left: Left, chunks: int) -> None:
    opened = await left.llm.astream("Hi")
    for _ in range(chunks):
        await anext(opened)
    await opened.aclose()
    await left.check()


@pytest.mark.usefixtures("collecting")
@pytest.mark.parametrize("chunks", [0, 1])
async def test_a_stream_that_is_dropped(left: Left, chunks: int) -> None:
    opened: Any = left.llm.stream("Hi")
    for _ in range(chunks):
        next(opened)
    del opened
    await left.check()
