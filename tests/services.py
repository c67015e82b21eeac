"""Where the real services are that tests talk to, and what happens when one is not there.

Each address is a URL that an environment variable can replace. A missing service skips its tests, or fails them when
``LLMTRACE_REQUIRE_SERVICES=1``.
"""

from __future__ import annotations

import os
import shutil
import socket
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import pytest

DEFAULTS: Final = {
    "postgres": "postgres://postgres@127.0.0.1:5432",
    "mariadb": "mysql://root@127.0.0.1:3306",
    "redis": "redis://127.0.0.1:6379/0",
    "rabbitmq": "amqp://guest:guest@127.0.0.1:5672//",
}
SERVERS: Final = {name: os.environ.get(f"LLMTRACE_{name.upper()}", url) for name, url in DEFAULTS.items()}

ROOT: Final = Path(__file__).resolve().parent.parent


def require_or_skip(name: str) -> str:
    """The URL of a server (a key of `SERVERS`) or the path of the browser (``"chromium"``), or the end of the test."""
    found = chromium() if name == "chromium" else _server(name)
    if found is not None:
        return found
    missing = f"{name} is not there" if name == "chromium" else f"{name} does not answer at {SERVERS[name]}"
    if os.environ.get("LLMTRACE_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{missing}, and LLMTRACE_REQUIRE_SERVICES=1", pytrace=False)
    pytest.skip(missing)


def cassettes() -> Path:
    """The folder with recorded answers of real providers; they are no part of the project, so their absence skips."""
    folder = Path(os.environ.get("LLMTRACE_CASSETTES") or ROOT.parent / "shared" / "cassettes")
    if not folder.is_dir():
        pytest.skip(f"no recordings in {folder}")
    return folder


def address(name: str) -> SplitResult:
    """A server's URL in its parts: `hostname`, `port`, `username`, `password`."""
    return urlsplit(SERVERS[name])


@cache
def chromium() -> str | None:
    """The path of a Chromium that can be started without a screen."""
    given = os.environ.get("LLMTRACE_CHROMIUM")
    return given or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@cache
def _server(name: str) -> str | None:
    parts = address(name)
    try:
        socket.create_connection((parts.hostname, parts.port or 0), timeout=2).close()
    except OSError:
        return None
    return SERVERS[name]
