"""A provider without a network, for tests and development: it gives the replies that it was told to give."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from llmtrace.conf.kinds import Kind
from llmtrace.conf.options import NAME, none_or
from llmtrace.providers.base import (
    Answer,
    Choice,
    Chunk,
    EmbeddingAnswer,
    EmbeddingProtocol,
    EmbeddingRequest,
    Provider,
    Request,
)
from llmtrace.providers.hosts import Host
from llmtrace.providers.messages import as_message
from llmtrace.providers.openai_chat import ChatCompletions
from llmtrace.providers.openai_embeddings import OpenAIEmbeddings
from llmtrace.types import ToolCall, Usage

DIMENSIONS = 8


@dataclass(frozen=True)
class FakeReply:
    """What the fake model answers once.

    Args:
        text: the text; streamed word by word.
        tool_calls: tools to ask for, each a name with its arguments.
        finish_reason: why the answer ends; ``tool_calls`` if there are some, else ``stop``.
        usage: tokens; a word is one if left out.
        error: raised in place of the answer, or in a stream after `text`.
        cut: a stream that ends without saying so after `text`.
    """

    text: str = ""
    tool_calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    error: BaseException | None = None
    cut: bool = False


Told = str | FakeReply | BaseException
Script = Sequence[Told] | Callable[[Request], Told]


def _is_script(value: Any) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return all(isinstance(each, (str, FakeReply, BaseException)) for each in value)
    return callable(value)


class Fake(Provider):
    """A model that is told what to say.

    Args:
        replies: texts, `FakeReply` objects or exceptions, given in turn and again from the beginning; or a function
            from the request to one of them. Left out, it says what it was asked.
        model: the model of calls that name none.
    """

    name: ClassVar[str] = "fake"
    price_id: ClassVar[str] = "fake"
    embedding: EmbeddingProtocol
    option_kinds: ClassVar[Mapping[str, Kind]] = {
        "model": NAME,
        "replies": none_or(Kind("a list of texts, FakeReply objects and exceptions, or a function", _is_script)),
    }

    def __init__(self, *, replies: Script | None = None, model: str | None = "fake") -> None:
        super().__init__(model=model)
        self.requests: list[Request] = []
        """the requests so far, the newest last"""
        self._replies = replies
        self._turn = itertools.cycle(replies) if isinstance(replies, Sequence) and replies else None
        self._ids = itertools.count(1)
        self.protocol = FakeProtocol()
        self.embedding = OpenAIEmbeddings()

    def server(self) -> tuple[str | None, int | None]:
        return None, None

    def _reply(self, request: Request) -> FakeReply:
        self.requests.append(request)
        told: Told
        if callable(self._replies):
            told = self._replies(request)
        elif self._turn is not None:
            told = next(self._turn)
        else:
            told = f"You said: {as_message(request.messages[-1]).text}"
        if isinstance(told, BaseException):
            return FakeReply(error=told)
        return FakeReply(told) if isinstance(told, str) else told

    def _head(self, request: Request) -> Answer:
        return Answer(id=f"fake-{next(self._ids)}", model=request.model)

    def send(self, body: dict[str, Any], request: Request) -> Answer:
        reply = self._reply(request)
        if reply.error is not None:
            raise reply.error
        return told(self._head(request), request, reply)

    async def asend(self, body: dict[str, Any], request: Request) -> Answer:
        return self.send(body, request)

    def stream(self, body: dict[str, Any], request: Request) -> Iterator[Any]:
        reply = self._reply(request)
        if reply.error is not None and not reply.text:
            raise reply.error
        return self._pieces(request, reply)

    async def astream(self, body: dict[str, Any], request: Request) -> AsyncIterator[Any]:
        pieces = self.stream(body, request)

        async def events() -> AsyncIterator[Any]:
            for piece in pieces:
                yield piece

        return events()

    def _pieces(self, request: Request, reply: FakeReply) -> Iterator[Any]:
        head = self._head(request)
        yield head
        yield from words(reply.text)
        if reply.error is not None:
            raise reply.error
        if not reply.cut:
            yield told(head, request, reply)

    def embed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        vectors = [vector(text, request.dimensions or DIMENSIONS) for text in request.texts]
        usage = Usage(sum(len(words(text)) for text in request.texts))
        return EmbeddingAnswer(vectors, f"fake-{next(self._ids)}", request.model, usage)

    async def aembed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        return self.embed(body, request)


class FakeProtocol(ChatCompletions):
    """Requests look like chat completions; answers are those of the script."""

    def __init__(self) -> None:
        super().__init__(Host("fake", "fake", "Fake"))

    def reader(self) -> FakeReader:  # type: ignore[override]  # it reads the script, not the wire
        return FakeReader()


class FakeReader:
    """Puts the pieces of a scripted stream together."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._text: list[str] = []
        self.finished = False

    def feed(self, event: Any) -> Chunk | None:
        if isinstance(event, str):
            self._text.append(event)
            return Chunk(event, None, event)
        self._answer = event
        self.finished = bool(event.choices)
        return Chunk("", event.choices[0].finish_reason, event) if self.finished else None

    def answer(self) -> Answer:
        if not self.finished and self._text:
            self._answer.choices = [Choice("".join(self._text))]
        return self._answer


def told(head: Answer, request: Request, reply: FakeReply) -> Answer:
    """The reply as an answer."""
    calls = [ToolCall(f"call-{n}", name, dict(given)) for n, (name, given) in enumerate(reply.tool_calls, 1)]
    reason = reply.finish_reason or ("tool_calls" if calls else "stop")
    asked = sum(len(words(as_message(each).text)) for each in request.messages)
    head.usage = reply.usage or Usage(asked, len(words(reply.text)))
    head.choices = [Choice(reply.text or None, calls, finish_reason=reason)]
    head.size = len(reply.text)
    return head


def words(text: str) -> list[str]:
    """The text in pieces of a word and the space after it."""
    pieces = text.split(" ")
    return [f"{piece} " for piece in pieces[:-1]] + [piece for piece in pieces[-1:] if piece]


def vector(text: str, dimensions: int) -> list[float]:
    """A vector that is the same for the same text."""
    digest = hashlib.shake_128(text.encode("utf-8", "replace")).digest(dimensions)
    return [byte / 255 for byte in digest]
