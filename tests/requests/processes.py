"""The host project served by real gunicorn and uvicorn processes, and the spans that arrive from them."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from llmtrace.models import Span
from tests.services import ROOT

PATIENCE_S: Final = 30.0

SERVERS: Final = {
    "gunicorn-sync": ["gunicorn", "tests.requests.site.wsgi", "--no-control-socket", "--bind", "fd://{fd}"],
    "gunicorn-gthread": [
        *("gunicorn", "tests.requests.site.wsgi", "--worker-class", "gthread", "--threads", "4"),
        *("--no-control-socket", "--bind", "fd://{fd}"),
    ],
    "uvicorn": ["uvicorn", "tests.requests.site.asgi:application", "--fd", "{fd}", "--lifespan", "auto"],
}


class Site:
    """The host project with its model server and its store."""

    def __init__(self, folder: Path, alias: str, store: str, models: str) -> None:
        self.folder = folder
        self.alias = alias
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.requests.site.settings",
            "SITE_FOLDER": str(folder),
            "SITE_SPANS": store,
            "SITE_MODELS": models,
            "PYTHONPATH": str(ROOT),
        }

    @contextmanager
    def served(self, by: str, *options: str) -> Iterator[Server]:
        """A server that takes requests; in the end it is told to stop, if the test has not done so."""
        log = self.folder / f"{by}.log"
        with socket.create_server(("127.0.0.1", 0)) as listening, log.open("w") as output:
            command = [part.format(fd=listening.fileno()) for part in SERVERS[by]]
            process = subprocess.Popen(
                [sys.executable, "-m", *command, *options],
                cwd=ROOT,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[listening.fileno()],
            )
            port = listening.getsockname()[1]
        server = Server(process, port, log)
        try:
            yield server
        finally:
            server.stop()

    def spans(self) -> list[Span]:
        """What has arrived, in the order in which it began."""
        return list(Span.objects.using(self.alias).with_content().order_by("started_at", "id"))


class Server:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def get(self, url: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """The status and the whole body of a page."""
        connection = self.connect()
        try:
            connection.request("GET", url, headers={"Connection": "close", **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End it in an orderly way, and wait until it has gone."""
        if self.process.poll() is None:
            self.process.send_signal(by)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not end within {PATIENCE_S} s\n{self.log.read_text()}") from None
