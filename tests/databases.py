"""Databases made for one test, on each engine the store runs on, and dropped after it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests.services import address, require_or_skip

ENGINES = ("sqlite", "postgres", "mariadb")


@pytest.fixture(params=ENGINES)
def fresh_database(request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The alias of a database with our empty tables, once on each engine."""
    with django_db_blocker.unblock(), new_database(request.param, tmp_path) as alias:
        yield alias


@contextmanager
def new_database(engine: str, folder: Path, *, migrate: bool = True) -> Iterator[str]:
    """Create a database with a name of its own, give its connection alias, drop it in the end.

    Args:
        engine: one of `ENGINES`; a server that is missing skips or fails the test.
        folder: where SQLite's file goes.
        migrate: False leaves it without our tables; those of other apps it never has.
    """
    alias = f"llmtrace_{uuid.uuid4().hex[:12]}"
    with _created(engine, alias, folder) as settings:
        connections.settings[alias] = connections.configure_settings({"default": {}, alias: settings})[alias]
        try:
            if migrate:
                call_command("migrate", "llmtrace", database=alias, verbosity=0, interactive=False)
            yield alias
        finally:
            connections[alias].close()
            del connections[alias]
            del connections.settings[alias]


@contextmanager
def _created(engine: str, name: str, folder: Path) -> Iterator[dict[str, Any]]:
    if engine == "sqlite":
        options = {"transaction_mode": "IMMEDIATE"}
        yield {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / f"{name}.sqlite3"), "OPTIONS": options}
        return
    require_or_skip(engine)
    _administer(engine, f"CREATE DATABASE {name}")
    try:
        yield server_settings(engine, name)
    finally:
        _administer(engine, f"DROP DATABASE {name}" + (" WITH (FORCE)" if engine == "postgres" else ""))


def server_settings(engine: str, name: str) -> dict[str, Any]:
    """An entry of ``DATABASES`` for the database `name` on the server of `engine`."""
    parts = address(engine)
    backend = {"postgres": "postgresql", "mariadb": "mysql"}[engine]
    return {
        "ENGINE": f"django.db.backends.{backend}",
        "NAME": name,
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
    }


def _administer(engine: str, statement: str) -> None:
    if engine == "postgres":
        with psycopg.connect(f"{require_or_skip(engine)}/postgres", autocommit=True) as postgres:
            postgres.execute(statement.encode())
        return
    server = server_settings(engine, "")
    mariadb = pymysql.connect(
        host=server["HOST"], port=server["PORT"], user=server["USER"], password=server["PASSWORD"]
    )
    with closing(mariadb), mariadb.cursor() as cursor:
        cursor.execute(statement)
