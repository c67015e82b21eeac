"""Several writers at once, in threads and in processes."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from llmtrace.models import SpanContent
from tests.databases import new_database
from tests.store.conftest import Store
from tests.store.making import context, ended
from tests.store.replaying import Ids, replay

ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": ""}


def check(store: Store, ids: Ids) -> None:
    assert sorted(row.span_id for row in store.spans()) == sorted(f"{span_id:016x}" for _, span_id in ids)
    assert SpanContent.objects.using(store.alias).count() == len(ids)


def random_ids() -> Ids:
    return [(made.trace_id, made.span_id) for made in (context() for _ in range(60))]


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_writers_of_one_sqlite_file_wait_for_each_other_and_none_is_turned_away(
    journal: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), new_database("sqlite", tmp_path) as alias:
        connections.settings[alias]["OPTIONS"] = {"init_command": f"PRAGMA journal_mode={journal}", "timeout": 20}

        def write(_: int) -> int:
            store = Store(alias)
            sent = sum(store.write(ended(), ended()).sent for _ in range(30))
            store.connection.close()
            return sent

        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(write, range(3))) == [60] * 3


def test_threads_that_replay_the_same_spans_keep_each_once(store: Store) -> None:
    ids = random_ids()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: replay(store.alias, ids, 4), range(4))) == [240] * 4
    check(store, ids)


def test_processes_that_replay_the_same_spans_keep_each_once(store: Store) -> None:
    ids = random_ids()
    arguments = [store.alias, json.dumps(connections.settings[store.alias], default=str), json.dumps(ids), "4"]
    command = [sys.executable, "-m", "tests.store.replaying", *arguments]
    started = [subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=50)[0] for process in started] == ["240", "240"]
    check(store, ids)


FORKING = """
    import gc, json, os, sys
    import django
    django.setup()
    from django.db import connections
    alias, settings = sys.argv[1], json.loads(sys.argv[2])
    connections.settings[alias] = settings
    from llmtrace.exporters import Database
    from tests.store.making import ended

    exporter = Database(alias)
    exporter.export([ended(name="before")])
    connection = exporter._connection
    wrapper = connection.open(connection.name())
    cursor = wrapper.connection.cursor()
    if wrapper.vendor != "sqlite":
        cursor.execute("START TRANSACTION")
        cursor.execute("DELETE FROM llmtrace_spancontent")
    child = os.fork()
    if not child:
        del wrapper, cursor
        gc.collect()
        assert not connection.is_open
        connection.lock.acquire()
        sys.exit(0)  # an orderly end, as that of a gunicorn worker: everything is torn down
    assert os.waitpid(child, 0)[1] == 0
    if wrapper.vendor == "sqlite":
        assert not connection.is_open, "a child must not inherit SQLite's locks"
    else:
        cursor.execute("ROLLBACK")
    if os.fork() == 0:
        assert exporter.export([ended(name="child")]).sent == 1
        sys.exit(0)
    assert os.wait()[1] == 0
    assert exporter.export([ended(name="after")]).sent == 1
    exporter.shutdown()
"""


def test_a_fork_leaves_the_parents_connection_and_transaction_alone(store: Store) -> None:
    settings = json.dumps(connections.settings[store.alias], default=str)
    code = textwrap.dedent(FORKING)
    done = subprocess.run(
        [sys.executable, "-c", code, store.alias, settings],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(row.name for row in store.spans()) == ["after", "before", "child"]
    assert SpanContent.objects.using(store.alias).count() == 3
