"""The test suite of a host that asks for its spans: green, and they go with the suite's database."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests.databases import new_database
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, base_url
from tests.services import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

RUNNERS = {
    "manage.py test": ["-m", "django", "test", "--pattern=suite.py", "tests.host"],
    "manage.py test --parallel": ["-m", "django", "test", "--pattern=suite.py", "--parallel=2", "tests.host"],
    "pytest": ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest", "tests/host/suite.py"],
}


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What the host's processes see: a model that answers, and a folder for temporary files that is their own."""
    with ScriptedServer() as server:
        server.answers(*[answer() for _ in range(200)])
        folder = tmp_path / "temporary"
        folder.mkdir()
        yield {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(folder),
            "HOME": str(folder),
            "DJANGO_SETTINGS_MODULE": "tests.host.settings",
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": base_url(server),
        }


@pytest.mark.parametrize("runner", RUNNERS)
def test_spans_that_a_suite_asks_for_go_with_its_database(
    runner: str, environment: dict[str, str], tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), developers_database("postgres", tmp_path, environment):
        suite(runner, {**environment, "HOST_TRACED": "asked"})


@contextmanager
def developers_database(engine: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """The database that the host's settings name, which has to be afterwards as it was before."""
    with new_database(engine, folder) as alias:
        settings = connections.settings[alias]
        keys = ("ENGINE", "NAME", "HOST", "PORT", "USER")
        environment["HOST_DATABASE"] = json.dumps({key: settings[key] for key in keys})
        before = rows(alias)
        yield
        assert rows(alias) == before
        assert left_behind(alias) == []
    assert list(Path(environment["TMPDIR"]).iterdir()) == []


def suite(runner: str, environment: dict[str, str]) -> str:
    """Run the suite to its green end; what it said."""
    command = [sys.executable, "-W", "error", *RUNNERS[runner]]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert re.search(r"Ran 10 tests|12 passed", said), said
    return said


def rows(alias: str) -> dict[str, int]:
    """How many rows each table has."""
    counts = {}
    with connections[alias].cursor() as cursor:
        for table in connections[alias].introspection.table_names(cursor):
            cursor.execute(f"SELECT count(*) FROM {table}")
            [counts[table]] = cursor.fetchone()
    return counts


def left_behind(alias: str) -> list[str]:
    """Databases that a test runner made and did not drop."""
    if connections[alias].vendor == "sqlite":
        return []
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"test_{alias}%"])
        return [name for (name,) in cursor.fetchall()]
