"""Streamed answers: each ends its span exactly once, however the reading ends."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Final, Generic, Literal, Self

from opentelemetry.trace import StatusCode

from llmtrace import semconv
from llmtrace.calls.accounting import failure
from llmtrace.calls.inference import Inference
from llmtrace.calls.reply import Reply, T
from llmtrace.exceptions import LLMTraceError
from llmtrace.masking import get_logger
from llmtrace.mistakes import tell
from llmtrace.providers.base import Answer, Chunk, Reader
from llmtrace.tracing.call_span import GONE, CallSpan
from llmtrace.tracing.scope import current_scope, is_cancelled, on_end

logger = get_logger("llmtrace.calls")

Outcome = Literal["completed", "failed", "cut_short", "cancelled", "abandoned"]

UNOPENED: Final = {semconv.STREAM_OUTCOME: "failed"}
"""On the span of a stream that was refused, or never reached the provider."""


class Reading:
    """What sync and async streams share: the chunks so far, and the one end of the span."""

    def __init__(self, inference: Inference, span: CallSpan) -> None:
        self.inference = inference
        self.span = span
        self.reader: Reader = inference.provider.protocol.reader()
        self.outcome: Outcome | None = None
        self.reply: Reply[Any] | None = None
        self.misfit: BaseException | None = None  # the answer came whole, and is not what was asked for
        self._first: float | None = None
        self._size = 0
        self._puzzled = False
        self._ending = threading.Lock()  # taken by the first to end it, who may be on any thread, and never released
        self._scope = current_scope.get()
        self._forget = on_end(self.left)

    def take(self, event: Any) -> Chunk | None:
        """One event of the provider; what the reader does not understand is handed on as it is."""
        try:
            chunk = self.reader.feed(event)
            if chunk is not None:
                self._size += len(chunk.text)
        except Exception:
            if not self._puzzled:
                self._puzzled = True
                logger.exception("An event of a stream could not be read. The caller gets it all the same.")
            return Chunk("", None, event)
        if chunk is not None and self._first is None:
            self._first = time.perf_counter() - self.span.began
        return chunk

    def exhausted(self) -> None:
        """The provider sends no more. Every SDK takes a stream that was cut for a whole one: the reader knows."""
        self.end("completed" if self.reader.finished else "cut_short")

    def broke(self, error: BaseException) -> None:
        """Reading raised."""
        self.end("cancelled" if isinstance(error, GONE) else "failed", error)

    def left(self) -> None:
        """Nobody reads on. When all has been read but the last, empty event, the answer is whole."""
        if self.outcome is not None:
            return
        if self.reader.finished:
            self.end("completed")
        else:
            gone = self._scope is not None and self._scope.client_gone
            self.end("cancelled" if gone or is_cancelled() else "abandoned")

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """End the span; the first call decides."""
        if not self._ending.acquire(blocking=False):
            return
        try:
            self._end(outcome, error)
        except Exception:
            tell(logger, "A stream could not be ended as it should be.")
            self.span.end({semconv.STREAM_OUTCOME: outcome})

    def _end(self, outcome: Outcome, error: BaseException | None) -> None:
        self._forget()
        end_time = time.time_ns()
        answer = self._answer()
        if outcome == "completed" and answer.failed is not None:
            outcome = "failed"
        self.outcome = outcome
        attributes, cost = self.inference.outcome(self.span, answer)
        attributes[semconv.STREAM_OUTCOME] = outcome
        if self._first is not None:
            attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = self._first
        self.reply = self.inference.reply(self.span, answer, cost)
        if outcome == "completed":
            error = self.misfit = self._misfit(self.reply)
        if error is not None and outcome in ("completed", "failed"):
            self.span.fail(error, attributes | failure(self.inference.provider, error), end_time)
        elif outcome in ("cut_short", "failed"):
            attributes.setdefault(semconv.ERROR_TYPE, semconv.ERROR_TYPE_OTHER)
            self.span.end(attributes, StatusCode.ERROR, end_time)
        else:
            self.span.end(attributes, end_time=end_time)

    def _answer(self) -> Answer:
        try:
            answer = self.reader.answer()
        except Exception:
            logger.exception("A streamed answer could not be put together: its span and its reply have none.")
            return Answer()
        answer.size = self._size
        return answer

    def _misfit(self, reply: Reply[Any]) -> Exception | None:
        try:
            self.inference.parse(reply)
        except Exception as error:
            return error
        return None

    def raise_misfit(self) -> None:
        """Tell the one who has read to the end that the answer is not what was asked for."""
        misfit, self.misfit = self.misfit, None
        if misfit is not None:
            raise misfit


def _reply_of(reading: Reading | None) -> Reply[Any]:
    if reading is None or reading.reply is None:
        raise LLMTraceError("The reply of a stream is there when the stream has been read to its end, or closed.")
    return reading.reply


async def _nothing() -> AsyncIterator[Any]:
    """The events of a stream that was closed."""
    return
    yield


class Stream(Generic[T]):
    """An answer that comes in chunks. Iterate it once; it is a context manager too."""

    def __init__(self, inference: Inference) -> None:
        span = inference.begin()
        self._reading: Reading | None = None
        try:
            with span:
                self._events: Iterator[Any] = inference.provider.stream(inference.body, inference.request)
        except BaseException as error:
            span.fail(error, failure(inference.provider, error) | UNOPENED)
            raise
        self._reading = Reading(inference, span)

    @property
    def reply(self) -> Reply[T]:
        """The answer, once it has been read to its end, or as far as it was read when it was closed.

        Raises:
            LLMTraceError: it is still being read.
        """
        return _reply_of(self._reading)

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        reading = self._reading
        assert reading is not None
        try:
            while True:
                chunk = reading.take(next(self._events))
                if chunk is not None:
                    return chunk
        except StopIteration:
            reading.exhausted()
            reading.raise_misfit()
            raise
        except BaseException as error:
            reading.broke(error)
            raise

    def close(self) -> None:
        """Let go of the connection; what was not read is abandoned."""
        if self._reading is not None:
            self._reading.left()
        events, self._events = self._events, iter(())
        close = getattr(events, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_reading", None) is None:
            return
        try:
            self.close()  # an SDK's own stream is a circle of references: its connection would wait for the collector
        except Exception:
            logger.debug("The connection of a stream that was dropped could not be closed.", exc_info=True)


class AsyncStream(Generic[T]):
    """The same for async code. The request goes out when it is awaited, entered or first iterated."""

    def __init__(self, prepare: Callable[[], Awaitable[Inference]]) -> None:
        self._prepare = prepare
        self._reading: Reading | None = None
        self._events: AsyncIterator[Any] | None = None

    async def _open(self) -> None:
        if self._events is not None:
            return
        inference = await self._prepare()
        span = inference.begin()
        try:
            with span:
                self._events = await inference.provider.astream(inference.body, inference.request)
        except BaseException as error:
            span.fail(error, failure(inference.provider, error) | UNOPENED)
            raise
        self._reading = Reading(inference, span)

    def __await__(self) -> Generator[Any, None, Self]:
        yield from self._open().__await__()
        return self

    @property
    def reply(self) -> Reply[T]:
        """The answer, once it has been read to its end, or as far as it was read when it was closed.

        Raises:
            LLMTraceError: it is still being read, or was not sent yet.
        """
        return _reply_of(self._reading)

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        if self._events is None:
            await self._open()
        reading, events = self._reading, self._events
        assert events is not None
        if reading is None:  # closed before it was sent
            raise StopAsyncIteration
        try:
            while True:
                chunk = reading.take(await anext(events))
                if chunk is not None:
                    return chunk
        except StopAsyncIteration:
            reading.exhausted()
            reading.raise_misfit()
            raise
        except BaseException as error:
            reading.broke(error)
            raise

    async def aclose(self) -> None:
        """Let go of the connection; what was not read is abandoned."""
        if self._reading is not None:
            self._reading.left()
        events, self._events = self._events, _nothing()
        close = getattr(events, "close", None) or getattr(events, "aclose", None)
        if close is not None:
            await close()

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        if self._reading is not None and isinstance(error, asyncio.CancelledError):
            self._reading.broke(error)
        await self.aclose()

    def __del__(self) -> None:
        reading = getattr(self, "_reading", None)
        if reading is not None:
            reading.left()
