"""Databases for measurements: made empty with the store's tables, dropped in the end."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from django.core.management import call_command
from django.db import connections

POSTGRES = os.environ.get("LLMTRACE_POSTGRES", "postgres://postgres@127.0.0.1:5432")


@contextmanager
def sqlite() -> Iterator[dict[str, Any]]:
    """Settings of an SQLite file, in the way that the documentation advises: write-ahead log, IMMEDIATE."""
    options = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"}
    with TemporaryDirectory(prefix="llmtrace-benchmark-") as folder:
        yield {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path(folder) / "store.sqlite3"), "OPTIONS": options}


@contextmanager
def postgres() -> Iterator[dict[str, Any]]:
    """Settings of a database of its own on the server at ``LLMTRACE_POSTGRES``."""
    import psycopg

    parts = urlsplit(POSTGRES)
    login: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port,
        "user": parts.username,
        "password": parts.password,
    }
    name = f"llmtrace_benchmark_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(dbname="postgres", autocommit=True, **login) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": name,
                **{key.upper(): value or "" for key, value in login.items()},
            }
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def store(alias: str, settings: dict[str, Any]) -> Iterator[str]:
    """Make `alias` a connection with the store's tables in it."""
    connections.settings[alias] = connections.configure_settings({"default": {}, alias: settings})[alias]
    try:
        call_command("migrate", database=alias, verbosity=0, interactive=False)
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]
