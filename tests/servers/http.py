"""A real HTTP server on raw sockets whose answers a test writes, faults of the network included."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

PATIENCE_S: Final = 10.0

Script = Callable[[socket.socket], bool]
"""Writes one answer to the connection; False when the connection ends with it."""


@dataclass(frozen=True)
class Received:
    """A request as it came; the names of `headers` are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class ScriptedServer:
    """Listens on a port of 127.0.0.1 and gives the answers that it was told, in order, one for each request."""

    def __init__(self, port: int = 0) -> None:
        """`port` 0 is a free one."""
        self.requests: list[Received] = []
        self.accepted = 0  # connections so far
        self._scripts: deque[Script] = deque()
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._serve(self._accept)

    def answers(self, *scripts: Script) -> None:
        """Answer the next requests with these."""
        self._scripts.extend(scripts)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close everything, and wait for the threads."""
        with self._lock:
            self._closed = True
            open_ = [self._listener, *self._connections]
        for each in open_:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in it
        for thread in self._threads:
            thread.join(PATIENCE_S)
        self._listener.close()

    def _serve(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._connections.add(connection)
                self.accepted += 1
            self._serve(self._converse, connection)

    def _converse(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            try:
                while True:
                    received = _read(stream)
                    if received is None or not self._answer(connection, received):
                        return
            except OSError:
                return  # the client has gone
            finally:
                with self._lock:
                    self._connections.discard(connection)

    def _answer(self, connection: socket.socket, received: Received) -> bool:
        with self._lock:
            self.requests.append(received)
            script = self.script_for(received)
        return script(connection)

    def script_for(self, received: Received) -> Script:
        """What answers a request: the next of those that were told."""
        return self._scripts.popleft() if self._scripts else whole(418, b"no answer was scripted for this request")


def _read(stream: Any) -> Received | None:
    """The next request, None when there is none."""
    line = stream.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return Received(method, path, headers, stream.read(int(headers.get("content-length", 0))))


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """The first lines of an answer, with the empty one."""
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def whole(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Script:
    """A complete answer."""
    sent = {"content-type": "text/plain", "content-length": str(len(body)), **(headers or {})}

    def write(connection: socket.socket) -> bool:
        connection.sendall(head(status, sent) + body)
        return True

    return write


def reset(sent: bytes = b"") -> Script:
    """A connection that is reset by the peer, after `sent`."""

    def write(connection: socket.socket) -> bool:
        if sent:
            connection.sendall(sent)
        break_off(connection)
        return False

    return write


def break_off(connection: socket.socket) -> None:
    """Make the kernel send RST when the connection is closed, in place of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def chunked(data: bytes) -> bytes:
    """A piece of a body with ``transfer-encoding: chunked``."""
    return b"%x\r\n%s\r\n" % (len(data), data)
