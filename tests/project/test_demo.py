"""`make demo` as a person meets it: it shows complete traces, says so by its status, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.project.demonstration import BEGINS, ENDS, Demonstration, command, environment, processes, running, until
from tests.services import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(BEGINS + 2 * ENDS)]


def once(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    asked = command("--once", *arguments)
    return subprocess.run(asked, cwd=ROOT, env=environment(var), capture_output=True, text=True, timeout=BEGINS)


def test_once_shows_complete_traces_and_leaves_no_process_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        taken = somebody_else.getsockname()[1]
        done = once(tmp_path, "--port", str(taken))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 of 11 traces are complete." in done.stdout
    assert done.stdout.count("  span  ") == 11
    assert f":{taken}/" not in done.stdout
    assert processes(tmp_path) == {}


def test_once_is_not_0_when_a_span_does_not_arrive(tmp_path: Path) -> None:
    """Here the database swallows every span of one kind, as a fault of the writer would."""
    migrate = [sys.executable, "manage.py", "migrate", "--database", "llmtrace"]
    subprocess.run(migrate, cwd=ROOT, env=environment(tmp_path), capture_output=True, check=True)
    with closing(sqlite3.connect(tmp_path / "llmtrace.sqlite3")) as database:
        database.execute(
            "CREATE TRIGGER lose BEFORE INSERT ON llmtrace_span WHEN NEW.name LIKE '%translate%'"
            " BEGIN SELECT RAISE(IGNORE); END"
        )
    done = once(tmp_path, "--patience", "8")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Missing in “Background: chain”: no translate_summary with a call" in done.stdout
    assert processes(tmp_path) == {}


def test_it_stays_until_ctrl_c_and_its_ports_are_free_again(tmp_path: Path) -> None:
    with running(tmp_path) as demo:
        port = urlsplit(demo.site).port
        assert f"{demo.site}/admin/llmtrace/span/  (log in as admin / admin)" in demo.printed
        assert len(processes(tmp_path)) >= 6
        assert demo.end(signal.SIGINT) == 0
    assert processes(tmp_path) == {}
    socket.create_server(("127.0.0.1", port)).close()


def test_a_signal_before_it_is_ready_leaves_nothing_behind_either(tmp_path: Path) -> None:
    with closing(Demonstration(tmp_path)) as demo:
        until(lambda: (tmp_path / "log" / "worker.log").exists(), BEGINS)
        assert demo.end() == 128 + signal.SIGTERM
    assert processes(tmp_path) == {}


def test_a_process_that_dies_ends_it_with_its_last_words(tmp_path: Path) -> None:
    with running(tmp_path) as demo:
        workers = [pid for pid, words in processes(tmp_path).items() if "celery" in words]
        os.kill(min(workers), signal.SIGKILL)  # the one that made the others
        until(lambda: demo.process.poll() is not None, ENDS)
    assert demo.process.returncode == 1
    assert "The worker ended with status -9." in demo.printed
    assert processes(tmp_path) == {}
