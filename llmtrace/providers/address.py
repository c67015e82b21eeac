"""Where a provider's service answers."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

PORTS: Final = {"https": 443, "http": 80}


def host_and_port(url: str) -> tuple[str | None, int | None]:
    """Host and port of a URL, its scheme's port where it names none."""
    parts = urlsplit(url)
    return parts.hostname, parts.port or PORTS.get(parts.scheme)
