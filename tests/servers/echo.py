"""A chat completions server that says what it was asked, to many at once."""

from __future__ import annotations

import threading
from typing import Any

from tests.servers.http import PATIENCE_S, Received, Script, ScriptedServer
from tests.servers.openai import answer, choice, completion, spoken, stream


class EchoServer(ScriptedServer):
    """Says the last message of each request. While it gathers, it answers nobody before that many have asked."""

    def __init__(self) -> None:
        super().__init__()
        self._together = threading.Event()
        self._wanted = 0

    def gather(self, count: int) -> None:
        """Answer when `count` requests are there."""
        self.requests.clear()
        self._together.clear()
        self._wanted = count

    def script_for(self, received: Received) -> Script:
        if self._scripts:
            return super().script_for(received)
        if len(self.requests) >= self._wanted:
            self._together.set()
        return self._echo(received.json)

    def _echo(self, asked: dict[str, Any]) -> Script:
        text = asked["messages"][-1]["content"]
        saying = stream(spoken(text)) if asked.get("stream") else answer(completion(choice(text)))

        def write(connection: Any) -> bool:
            return self._together.wait(PATIENCE_S) and saying(connection)

        return write
