"""What servers of model protocols have in common: an answer in no protocol's words, and its way over the wire."""

from __future__ import annotations

import json
import re
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from llmtrace.types import Usage
from tests.servers.http import PATIENCE_S, Received, Script, ScriptedServer, break_off, chunked, head, whole

TEXT: Final = "Read The Hobbit."
KEY: Final = "key-for-tests"
INPUT, OUTPUT, CACHED, REASONING = 21, 7, 4, 2  # tokens; cached ones are part of the input, reasoning of the output
THOUGHT: Final = "The catalogue has it."
"""What models that think aloud think before they ask for tools; they want it back, with its signature."""
COUNTED: Final = Usage(INPUT, OUTPUT, CACHED, None, REASONING)

Finish = Literal["end", "tools", "length", "filter"]
End = Literal["done", "cut", "torn", "reset"]
Piece = bytes | threading.Event
"""A piece of a streamed answer as it goes over the wire, or a gate that the server waits at."""


@dataclass(frozen=True)
class Called:
    """A tool that the model asks for."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Said:
    """What the model answers, why it ends, and whether it tells its tokens."""

    text: str | None = TEXT
    calls: tuple[Called, ...] = ()
    finish: Finish = "end"
    counted: bool = True

    @property
    def words(self) -> list[str]:
        """The text in pieces that a stream has."""
        return re.findall(r"\S+\s*", self.text or "")


@dataclass(frozen=True)
class Heard:
    """What a request asks for, read from its body by the server's own lights."""

    model: str | None
    turns: tuple[tuple[str, str], ...]
    streamed: bool
    settings: Mapping[str, Any]
    tools: tuple[str, ...] = ()
    results: tuple[tuple[str | None, str], ...] = ()
    shape: Literal["text", "json", "schema"] = "text"


@dataclass(frozen=True)
class Refusal:
    """Why the host refuses a request."""

    status: int
    message: str


class Wire(ABC):
    """One host's protocol, from the host's side."""

    stream_type: ClassVar[str] = "text/event-stream; charset=utf-8"
    words: Mapping[Finish, str]
    """its own words for why an answer ends"""
    ended: ClassVar[bytes] = b""
    """what follows the last event of a stream"""
    usage: Usage = COUNTED
    """what it tells of the tokens"""
    early: Usage = Usage()
    """what it has told of the tokens when two words have come"""
    failures: frozenset[str] = frozenset()
    """those of its words that mean that it has failed"""
    model: str | None
    """the model that it says has answered, None where it names none"""
    id: str
    """the answer's id"""

    @abstractmethod
    def body(self, said: Said) -> dict[str, Any]:
        """A whole answer."""

    @abstractmethod
    def events(self, said: Said) -> list[bytes]:
        """A streamed answer, event by event."""

    @abstractmethod
    def empty(self) -> dict[str, Any]:
        """A whole answer without anything that was said."""

    @abstractmethod
    def failing(self, message: str) -> bytes:
        """An event of a stream that tells of an error."""

    def garbled(self) -> bytes:
        """An event of a stream that is no JSON."""
        return b"data: {not json\n\n"

    @abstractmethod
    def error(self, status: int, message: str, **headers: str) -> Script:
        """An error as the host answers it."""

    @abstractmethod
    def wrong(self, received: Received) -> Refusal | None:
        """Why the real host would refuse the request."""

    @abstractmethod
    def heard(self, received: Received) -> Heard:
        """What the request asks for."""

    def whole(self, said: Said | None = None) -> Script:
        """A whole answer."""
        return answer(self.body(said or Said()), headers=self.headers())

    def streamed(self, said: Said | None = None, end: End = "done") -> Script:
        """A streamed answer."""
        return self.flow(self.events(said or Said()), end)

    def flow(self, pieces: Sequence[Piece], end: End = "done") -> Script:
        """An answer of these pieces."""
        headers = {"content-type": self.stream_type, "transfer-encoding": "chunked", **self.headers()}
        return lambda connection: flow(connection, headers, pieces, end, self.ended)

    def headers(self) -> Mapping[str, str]:
        """Headers of every answer."""
        return {"x-request-id": "req_1"}


class Host(ScriptedServer):
    """A server of one protocol. It refuses what the real host refuses; to the rest it gives what it was told."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.refused: list[str] = []
        super().__init__()

    def script_for(self, received: Received) -> Script:
        refusal = self.wire.wrong(received)
        if refusal is None:
            return super().script_for(received)
        self.refused.append(refusal.message)
        return self.wire.error(refusal.status, refusal.message)

    def forget(self) -> None:
        """Begin anew."""
        self.requests.clear()
        self.refused.clear()
        self._scripts.clear()

    @property
    def heard(self) -> list[Heard]:
        """What was asked so far."""
        return [self.wire.heard(each) for each in self.requests]


def flow(
    connection: socket.socket, headers: Mapping[str, str], pieces: Iterable[Piece], end: End, ended: bytes
) -> bool:
    """Write an answer piece by piece."""
    connection.sendall(head(200, headers))
    for piece in pieces:
        if isinstance(piece, threading.Event):
            if not piece.wait(PATIENCE_S):
                return False
        else:
            connection.sendall(chunked(piece))
    if end == "reset":
        break_off(connection)
    if end in ("reset", "torn"):
        return False
    connection.sendall((chunked(ended) if end == "done" and ended else b"") + chunked(b""))
    return True


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Script:
    """A whole answer of JSON."""
    return whole(status, json.dumps(body).encode(), {"content-type": "application/json", **(headers or {})})


def event(data: Mapping[str, Any], name: str | None = None) -> bytes:
    """A server-sent event."""
    named = f"event: {name}\n" if name else ""
    return f"{named}data: {json.dumps(data)}\n\n".encode()


def halves(text: str) -> tuple[str, str]:
    """A text in two pieces, as streams cut it."""
    middle = len(text) // 2
    return text[:middle], text[middle:]


def first(checks: Iterable[Callable[[], Refusal | None]]) -> Refusal | None:
    """The first refusal of these checks, in turn."""
    return next((found for check in checks if (found := check()) is not None), None)
