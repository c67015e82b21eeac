"""The model server that the host's jobs ask: what it answers depends on what it is asked."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.servers import openai
from tests.servers.http import Received, Script, ScriptedServer


class ModelServer(ScriptedServer):
    """Streams where it is asked to, answers at once, or never: then it leaves a file ``hanging`` in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__()

    def script_for(self, received: Received) -> Script:
        if received.json.get("stream"):
            return openai.stream()
        return self._never if b"Are you there?" in received.body else openai.answer()

    def _never(self, connection: socket.socket) -> bool:
        (self.folder / "hanging").touch()
        return bool(connection.recv(1))  # nothing comes, until the client or the server has gone
