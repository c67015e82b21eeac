"""A host's test suite stays green with llmtrace installed and default settings, and nothing is written anywhere."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from project.modelserver import ModelServer
from tests.databases import server_settings
from tests.hostsuite.suite import RUNNERS, environment, manage, run
from tests.services import require_or_skip

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class OnSQLite:
    """A development database in a file; the suite's own is in memory, as Django has it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "development.sqlite3"
        self.settings: Mapping[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.file)}

    def state(self) -> object:
        """Something that differs if anything was written."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest()

    def leftovers(self) -> list[str]:
        return [path.name for path in self.file.parent.iterdir() if path.name not in ("tmp", self.file.name)]


class OnPostgreSQL:
    """A development database on the server, beside which the suite makes and drops its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.server = require_or_skip("postgres")
        self.settings = server_settings("postgres", name)

    def _ask(self, database: str, query: str) -> list[tuple[Any, ...]]:
        with closing(psycopg.connect(f"{self.server}/{database}", autocommit=True)) as postgres:
            return postgres.execute(query.encode()).fetchall()

    def state(self) -> object:
        return self._ask(self.name, "SELECT (SELECT count(*) FROM llmtrace_span), (SELECT count(*) FROM shop_order)")

    def leftovers(self) -> list[str]:
        found = self._ask("postgres", f"SELECT datname FROM pg_database WHERE datname LIKE 'test_{self.name}%'")
        return [name for (name,) in found]

    @contextmanager
    def made(self) -> Iterator[None]:
        with closing(psycopg.connect(f"{self.server}/postgres", autocommit=True)) as postgres:
            postgres.execute(f"CREATE DATABASE {self.name}".encode())
            try:
                yield
            finally:
                for name in [self.name, *self.leftovers()]:
                    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OnSQLite | OnPostgreSQL]:
    """The host's development database."""
    if request.param == "sqlite":
        yield OnSQLite(tmp_path)
        return
    postgres = OnPostgreSQL(f"host_{uuid.uuid4().hex[:12]}")
    with postgres.made():
        yield postgres


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer(pace=0) as server:
        yield server


@pytest.mark.parametrize("runner", sorted(RUNNERS))
def test_the_suite_is_green_and_nothing_is_written(
    tmp_path: Path, models: ModelServer, database: OnSQLite | OnPostgreSQL, runner: str
) -> None:
    env = environment(tmp_path, database.settings, models.url, traced=True)
    manage(env, "migrate", "--verbosity", "0")
    before = database.state()
    outcome = run(runner, env)
    assert outcome.status == 0, outcome.output
    assert database.state() == before
    assert database.leftovers() == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert "Warning" not in outcome.output, outcome.output
    assert "being accessed by other users" not in outcome.output
