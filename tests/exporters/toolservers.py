"""Observability tools from PyPI, each in an environment of its own, as running servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.waiting import until

PATIENCE_S: Final = 240.0  # Phoenix makes its tables first


def require_or_skip() -> None:
    """The end of the test unless ``LLMTRACE_TOOLS=1``: they are large, and take minutes to install."""
    if os.environ.get("LLMTRACE_TOOLS") != "1":
        pytest.skip("LLMTRACE_TOOLS is not 1")


def installed(package: str, folder: Path) -> Path:
    """The programs of an environment with that package, made in `folder` or found in ``LLMTRACE_TOOLS_DIRECTORY``."""
    home = Path(os.environ.get("LLMTRACE_TOOLS_DIRECTORY", folder)) / package
    if not (home / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", package], check=True)
        (home / "done").touch()
    return home / "bin"


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str | Path], port: int, folder: Path, **env: str) -> Iterator[str]:
    """The address of a server that listens on `port`, which is ended afterwards with all its processes."""
    url, log = f"http://127.0.0.1:{port}", folder / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **env}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        until(lambda: server.poll() is not None or _answers(url), f"{command[0]} answers", PATIENCE_S)
        assert server.poll() is None, log.read_text()[-2000:]
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def asked(url: str, body: Mapping[str, Any] | None = None) -> Any:
    """What the tool's API answers, None while it has nothing."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError:
        return None
