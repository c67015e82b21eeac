"""``runserver``: its reloader kills the process that serves, 0.25 s after Ctrl-C, or at once when it is told to end."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from tests.losses.counting import Record, count
from tests.losses.host import PATIENCE_S, Host, end
from tests.losses.site.pages import CALLS
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

NewHost = Callable[..., Host]
REQUESTS: Final = 3
WATCHED: Final = "from tests.losses.site.settings import *\n"


class Development:
    """A running ``runserver``, and its settings, which it watches."""

    def __init__(self, host: Host, port: int, process: subprocess.Popen[bytes]) -> None:
        self._host = host
        self._port = port
        self.process = process

    def get(self, requests: int = REQUESTS) -> None:
        """Answer so many requests, as soon as it serves."""
        for _ in range(requests):
            until(self._answers, "it serves", PATIENCE_S)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        try:
            connection.request("GET", "/", headers={"Connection": "close"})
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def reload(self) -> None:
        """Change a file, and wait until another process serves."""
        begun = self._begun()
        (self._host.folder / "watched.py").write_text(f"{WATCHED}# {begun}\n")
        until(lambda: self._begun() > begun, "it begins anew", PATIENCE_S)

    def _begun(self) -> int:
        return (self._host.folder / "runserver.log").read_text().count("Performing system checks")

    def press_ctrl_c(self) -> None:
        """Tell both processes, as a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)
        end(self.process)


@contextmanager
def developing(host: Host) -> Iterator[Development]:
    """The host under ``runserver``."""
    (host.folder / "watched.py").write_text(WATCHED)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["runserver", f"127.0.0.1:{port}", "--settings=watched", f"--pythonpath={host.folder}"]
    with host.running("runserver.log", "django", *words) as process:
        yield Development(host, port, process)


def hang(host: Host) -> None:
    for receiver in host.receivers.values():
        receiver.behave(how="hang")


def all_follow(host: Host, situation: str, record: Record) -> None:
    for receiver in host.receivers.values():
        receiver.behave()
    host.program("follows")
    assert all(cell.whole for cell in count(host, situation, record))


def test_ctrl_c_loses_nothing(new_host: NewHost, record_property: Record) -> None:
    host = new_host()
    hang(host)
    with developing(host) as server:
        server.get()
        server.press_ctrl_c()
    assert len(host.ended) == REQUESTS * (CALLS + 1)
    all_follow(host, "runserver, Ctrl-C, a backend hangs", record_property)


def test_nor_does_sigterm(new_host: NewHost, record_property: Record) -> None:
    host = new_host()
    hang(host)
    with developing(host) as server:
        server.get()
        end(server.process)
    assert len(host.ended) == REQUESTS * (CALLS + 1)
    all_follow(host, "runserver, SIGTERM, a backend hangs", record_property)


def test_a_reload_waits_for_no_backend(new_host: NewHost, record_property: Record) -> None:
    host = new_host()
    host.settings["EXIT_TIMEOUT"] = 2 * PATIENCE_S
    hang(host)
    with developing(host) as server:
        server.get()
        server.reload()
        server.get()
        server.press_ctrl_c()
    assert len(host.ended) == 2 * REQUESTS * (CALLS + 1)
    all_follow(host, "runserver, a file changes, a backend hangs", record_property)
