"""A process that is told to end sends what it holds, and ends as it would have done."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from tests.services import ROOT

SCRIPT = """
import signal, sys
{before}
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "llmtrace"],
    LLMTRACE={{
        "EXPORTERS": [{{"BACKEND": "tests.tracing.test_exits.Names", "OPTIONS": {{"path": {path!r}}},
                        "QUEUE": {{"delay": 60.0}}}}],
        "REDACT": False,
    }},
)
django.setup()
from llmtrace.tracing.setup import get_tracer
{work}
print("ready", flush=True)
signal.pause()
"""

WORK = "get_tracer().start_span('the last').end()"


class Names(SpanExporter):
    """Writes the names of spans into a file."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self.path.open("a") as file:
            file.writelines(f"{span.name}\n" for span in spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing to let go of."""


def ended(tmp_path: Path, work: str = WORK, before: str = "") -> tuple[int, str, str]:
    """The exit status of a script that gets SIGTERM, what its exporter was given, and its standard error."""
    path = tmp_path / "names"
    script = SCRIPT.format(path=str(path), work=work, before=before)
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert line == "ready\n", errors
    return process.returncode, path.read_text() if path.exists() else "", errors


def run_to_its_end(
    tmp_path: Path, work: str, before: str = "", script: str = SCRIPT
) -> subprocess.CompletedProcess[str]:
    """A script that is not told to end from outside."""
    code = script.format(path=str(tmp_path / "names"), work=work, before=before)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_sigterm_sends_what_is_queued_and_still_kills(tmp_path: Path) -> None:
    assert ended(tmp_path) == (-signal.SIGTERM, "the last\n", "")


TOLD_TWICE = f"""
import os, time
from tests.tracing.test_exits import Names
export = Names.export
def told_again(self, spans):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.3)  # in which a process that minds it is gone
    return export(self, spans)
Names.export = told_again
{WORK}
"""


def test_sigterm_once_more_while_it_sends_loses_nothing(tmp_path: Path) -> None:
    """A supervisor and the process group may both tell."""
    assert ended(tmp_path, work=TOLD_TWICE) == (-signal.SIGTERM, "the last\n", "")


NEVER_STOPS = """
import os, threading
from tests.tracing.test_exits import Names
export, told, ended = Names.export, threading.Semaphore(0), threading.Semaphore(0)
def export_while_another_ends(self, spans):
    told.release()
    ended.acquire(timeout=0.5)  # or it is not let end one more
    return export(self, spans)
Names.export = export_while_another_ends
def go_on():
    for number in range(1000):
        get_tracer().start_span(str(number)).end()
        os.write(1, f"{number}\\n".encode())
        ended.release()
        told.acquire()
print("ready", flush=True)
threading.Thread(target=go_on, daemon=True).start()
ended.acquire()
"""


def test_sigterm_loses_nothing_that_a_thread_goes_on_to_end(tmp_path: Path) -> None:
    """However often the process looks once more: the span that ends behind its back would be lost."""
    work = NEVER_STOPS + "os.kill(os.getpid(), signal.SIGTERM)"
    done = run_to_its_end(tmp_path, work)
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")
    assert (tmp_path / "names").read_text() == done.stdout.removeprefix("ready\n")


UVICORN = """
import os, threading, uvicorn
from tests.waiting import until
async def app(scope, receive, send):
    pass
server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
def tell():
    until(lambda: server.started, "it serves")
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=tell, daemon=True).start()
server.run()
"""


def test_a_worker_of_uvicorns_loses_nothing_that_a_thread_goes_on_to_end(tmp_path: Path) -> None:
    """Its application is loaded when uvicorn has its own handler in place; then SIGTERM is raised with none."""
    before = "signal.signal(signal.SIGTERM, lambda *_: None)"
    serve = f"signal.signal(signal.SIGTERM, signal.SIG_DFL)\n{UVICORN}"
    done = run_to_its_end(tmp_path, NEVER_STOPS + serve, before)
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")
    assert (tmp_path / "names").read_text() == done.stdout.removeprefix("ready\n")


@pytest.mark.parametrize(
    "survives",
    [
        "os.kill = lambda *_: None\nsignal.raise_signal(signal.SIGTERM)",
        f"signal.signal(signal.SIGTERM, lambda *_: None)\n{UVICORN}",
    ],
    ids=["container", "uvicorn"],
)
def test_a_thread_goes_on_where_sigterm_does_not_kill(tmp_path: Path, survives: str) -> None:
    """The first process of a container, for one, or one with a handler of its own around uvicorn."""
    work = f"""
import os, threading
{WORK}
{survives}
def go_on():
    get_tracer().start_span("one more").end()
thread = threading.Thread(target=go_on, daemon=True)
thread.start()
thread.join(10)
sys.exit(3)
"""
    done = run_to_its_end(tmp_path, work)
    assert (done.returncode, done.stderr) == (3, "")
    assert (tmp_path / "names").read_text() == "the last\none more\n"


def test_sigterm_kills_a_process_that_has_traced_nothing(tmp_path: Path) -> None:
    assert ended(tmp_path, work="") == (-signal.SIGTERM, "", "")


MOMENT = """
import os, threading
class Interrupted:
    "A lock in whose possession the process gets SIGTERM."
    def __init__(self, lock):
        self.lock, self.signals = lock, [signal.SIGTERM]
    def __enter__(self):
        self.lock.acquire()
        if self.signals:
            os.kill(os.getpid(), self.signals.pop())
    def __exit__(self, *_):
        self.lock.release()
get_tracer().start_span("the first").end()
"""
HANDED_ON = """
from llmtrace.pipeline.fanout import fanout
queue = fanout.pipes()[0]._queue
queue._lock = Interrupted(queue._lock)
get_tracer().start_span("the last").end()
"""
THREAD_STARTED = """
threading._active_limbo_lock = Interrupted(threading._active_limbo_lock)
threading.Thread(target=int).start()
"""

FLUSHED = """
from llmtrace.pipeline.worker import Worker
from llmtrace.tracing.setup import flush
is_settled, signals = Worker.is_settled, [signal.SIGTERM]
def interrupted(worker, target):
    if signals:
        os.kill(os.getpid(), signals.pop())
    return is_settled(worker, target)
Worker.is_settled = interrupted
flush(20)
"""


@pytest.mark.parametrize(
    ("moment", "sent"),
    [(HANDED_ON, "the first\nthe last\n"), (THREAD_STARTED, "the first\n"), (FLUSHED, "the first\n")],
)
def test_sigterm_comes_in_the_moment_in_which_a_lock_is_held(tmp_path: Path, moment: str, sent: str) -> None:
    """Whoever holds it can't let go of it while the handler waits for threads that need it: sending was in vain."""
    done = run_to_its_end(tmp_path, MOMENT + moment)
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")
    assert (tmp_path / "names").read_text() == sent


@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "lambda *_: sys.exit(3)"])
def test_a_handler_of_the_hosts_stays(tmp_path: Path, handler: str) -> None:
    before = f"handler = {handler}\nsignal.signal(signal.SIGTERM, handler)"
    work = f"{WORK}\nassert signal.getsignal(signal.SIGTERM) is handler\nsys.exit(3)"
    done = run_to_its_end(tmp_path, work, before)
    assert (done.returncode, done.stderr) == (3, "")
    assert (tmp_path / "names").read_text() == "the last\n"


def test_outside_of_the_main_thread_no_handler_is_set(tmp_path: Path) -> None:
    setup = "import threading\nthread = threading.Thread(target=django.setup)\nthread.start()\nthread.join()"
    work = "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL"
    script = SCRIPT.replace("django.setup()", setup).replace("signal.pause()", "")
    done = run_to_its_end(tmp_path, work, script=script)
    assert (done.returncode, done.stderr) == (0, "")
