"""PostgreSQL through psycopg 2, which Django takes where psycopg 3 is not installed."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests.databases import new_database
from tests.services import ROOT
from tests.store.conftest import Store

WRITING = """
    import json, sys
    sys.modules["psycopg"] = None  # as if it were not installed
    import django
    django.setup()
    from django.db import connections
    alias, settings = sys.argv[1], json.loads(sys.argv[2])
    connections.settings[alias] = settings
    import psycopg2
    from llmtrace.exporters import Database
    from tests.store.making import ended

    exporter, spans = Database(alias), [ended(name=f"tab\\t{number}") for number in range(3)]
    cursor = exporter._connection.open(exporter.destination()).connection.cursor()
    assert isinstance(cursor, psycopg2.extensions.cursor)
    assert exporter.export(spans[:2]).sent == 2
    assert exporter.export(spans).sent == 3
"""


def test_psycopg_2_copies_too(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> None:
    pytest.importorskip("psycopg2")
    with django_db_blocker.unblock(), new_database("postgres", tmp_path) as alias:
        settings = json.dumps(connections.settings[alias])
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(WRITING), alias, settings],
            cwd=ROOT,
            env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": ""},
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert [row.name for row in Store(alias).spans()] == ["tab\t0", "tab\t1", "tab\t2"]
