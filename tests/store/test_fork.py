"""A process that forks while a batch is being written: the child can write too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
