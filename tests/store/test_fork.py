"""A process that forks while a batch is being written, or a connection is made: the child can write too."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmtrace.store import connection as connection_module
from llmtrace.store.connection import StoreConnection
from tests.interleaving import WEAK, between_calls

PROGRAM = """
import os, sys, threading
from django.conf import settings
engine = {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1], "OPTIONS": {"timeout": 2}}
settings.configure(DATABASES={"default": engine})
import django
django.setup()
from llmtrace.store.connection import StoreConnection

connection, writing, forking = StoreConnection(), threading.Event(), threading.Event()
connection.open(sys.argv[1]).cursor().execute("CREATE TABLE t (x)")

def write(x):
    with connection.lock, connection.open(sys.argv[1]).cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("INSERT INTO t VALUES (%s)", [x])
        if x == 1:
            writing.set()
            forking.wait(0.5)
        cursor.execute("COMMIT")

thread = threading.Thread(target=write, args=[1])
thread.start()
writing.wait()
os.register_at_fork(before=forking.set)
child = os.fork()
if child == 0:
    try:
        write(2)
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)
thread.join()
write(3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_that_is_forked_in_the_middle_of_a_batch_can_write(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path / "forked.sqlite3")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_connection_is_left_out_where_a_thread_makes_another_at_the_fork() -> None:
    connections, made = [StoreConnection(), StoreConnection()], list[StoreConnection]()
    with between_calls(WEAK, lambda: made.append(StoreConnection())):
        connection_module._before_fork()
    assert made
    try:
        with ThreadPoolExecutor(1) as pool:
            assert [pool.submit(each.lock.acquire, blocking=False).result() for each in connections] == [False, False]
    finally:
        connection_module._after_fork_in_parent()


def test_a_thread_that_forks_sets_a_connection_free_also_when_another_could_not_have_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_module, "FORK_PATIENCE_S", 0.01)
    connection = StoreConnection()
    with ThreadPoolExecutor(1) as other:
        connection_module._before_fork()
        other.submit(connection_module._before_fork).result()
        other.submit(connection_module._after_fork_in_parent).result()
        connection_module._after_fork_in_parent()
        assert other.submit(connection.lock.acquire, blocking=False).result()
