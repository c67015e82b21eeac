"""A worker that is there before its broker, and keeps no results: once the broker is there, all is as ever."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.jobs.checks import CHECKS
from tests.jobs.processes import PATIENCE_S, Site
from tests.jobs.traces import Trace
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.parametrize("site", ["redis"], indirect=True, scope="module"),
]


class Gate:
    """A port of this machine that refuses connections until it is opened; then each leads to a server."""

    def __init__(self, host: str, port: int) -> None:
        self._server = host, port
        self._bound = socket.socket()
        self._bound.bind(("127.0.0.1", 0))
        self.port: int = self._bound.getsockname()[1]
        self._open: list[socket.socket] = [self._bound]

    def open(self) -> None:
        self._bound.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._bound.accept()
                far = socket.create_connection(self._server)
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def gate_before(url: str) -> Iterator[tuple[Gate, str]]:
    """A gate before the server of `url`, and the URL that leads through it."""
    parts = urlsplit(url)
    gate = Gate(parts.hostname or "127.0.0.1", parts.port or 6379)
    try:
        yield gate, parts._replace(netloc=f"127.0.0.1:{gate.port}").geturl()
    finally:
        gate.close()


def test_a_worker_may_start_before_its_broker_and_keep_no_results(site: Site) -> None:
    log = site.folder / "worker-1.log"

    def open_when_refused(gate: Gate) -> Any:
        until(lambda: log.exists() and "Cannot connect" in log.read_text(), "the broker is missed", PATIENCE_S)
        gate.open()

    with gate_before(site.env["JOBS_BROKER"]) as (gate, url), ThreadPoolExecutor(1) as background:
        site.env |= {"JOBS_BROKER": url, "JOBS_RESULTS": "disabled"}
        opened = background.submit(open_when_refused, gate)
        with site.worker("--pool", "solo") as worker:
            opened.result()
            visited = site.visit("delay", "retry", "a_chain")
            for page, runs in (("delay", 1), ("retry", 3), ("a_chain", 3)):
                site.arrived(visited[page], runs)
            worker.stop()
    for page, trace_id in visited.items():
        CHECKS[page](Trace(site.spans(trace_id)))
