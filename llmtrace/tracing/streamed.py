"""A body that is produced after the view has returned: it belongs to the request, which ends when the body does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final, Self

from django.http import StreamingHttpResponse

from llmtrace.mistakes import guarded
from llmtrace.tracing.surroundings import Stretch, Surroundings

End = Callable[[BaseException | None], object]

GONE: Final = (asyncio.CancelledError, GeneratorExit)


def keep_open(response: StreamingHttpResponse, surroundings: Surroundings, end: End) -> None:
    """Have `end` called once when the body of `response` has ended, with what the body raised, or None.

    That is when it was read to its end or raised, when the server closes it or cancels it since the client has gone,
    and at the latest when nobody holds on to it any more. What the body does meanwhile is done in `surroundings`.
    """
    closers: list[Callable[[], object]] = response._resource_closers  # type: ignore[attr-defined]  # has no public name
    ending = Ending(surroundings, end)
    closers.insert(0, ending.begin_closing)
    if getattr(response, "file_to_stream", None) is None:  # a file is sent by the server itself, if that can
        content = response.streaming_content
        body = AsyncBody(content, ending) if isinstance(content, AsyncIterator) else Body(content, ending)
        response.streaming_content = body
    closers.append(ending.close)


class Ending:
    """The one end of a body."""

    __slots__ = ("_begun", "_closing", "_end", "surroundings")

    def __init__(self, surroundings: Surroundings, end: End) -> None:
        self.surroundings = surroundings
        self._end: End | None = end
        self._begun = False
        self._closing: Stretch | None = None

    def step(self) -> Stretch:
        """What is current while the body produces its next piece."""
        self._begun = True
        return self.surroundings.current()

    def failed(self, error: BaseException) -> None:
        """The body raised, or was cancelled."""
        if isinstance(error, GONE):
            self.left()
        else:
            self.end(error)

    def left(self) -> None:
        """Nobody reads on. If somebody had begun to, it is the client that has gone."""
        if self._begun and self._end is not None:
            self.surroundings.scope.client_gone = True
        self.end()

    @guarded("The end of a streamed body was not seen.")
    def end(self, error: BaseException | None = None) -> None:
        """The body has ended; the first call decides."""
        end, self._end = self._end, None
        if end is not None:
            end(error)

    def begin_closing(self) -> None:
        """The server closes the response: first of its closers, so that the body's clean-up belongs to the request."""
        if self._end is None:
            return
        if self._begun:
            self.surroundings.scope.client_gone = True
        self._closing = self.surroundings.current()
        self._closing.__enter__()

    def close(self) -> None:
        """Last of the response's closers."""
        closing, self._closing = self._closing, None
        if closing is not None:
            closing.__exit__(None, None, None)
        self.left()

    def __del__(self) -> None:
        self.left()


class Body:
    """Pieces that are made as a server asks for them."""

    def __init__(self, content: Iterator[Any], ending: Ending) -> None:
        self._content = content
        self._ending = ending

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        with self._ending.step():
            try:
                return next(self._content)
            except StopIteration:
                self._ending.end()
                raise
            except BaseException as error:
                self._ending.failed(error)
                raise


class AsyncBody:
    """The same for async code."""

    def __init__(self, content: AsyncIterator[Any], ending: Ending) -> None:
        self._content = content
        self._ending = ending

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        with self._ending.step():
            try:
                return await anext(self._content)
            except StopAsyncIteration:
                self._ending.end()
                raise
            except BaseException as error:
                self._ending.failed(error)
                raise
