"""A stream that is still open when its process ends leaves its span, once, and nothing that isn't so in the log."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from llmtrace.jobs import worker
from llmtrace.pipeline import ledgers
from llmtrace.tracing import exits
from tests.services import ROOT

HEAD: Final = """
import asyncio, os, signal, sys, threading
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "llmtrace"],
    LLMTRACE={{
        "PROVIDERS": {{"default": {{"BACKEND": "llmtrace.providers.Fake", "OPTIONS": {{"replies": ["1 2 3"]}}}}}},
        "EXPORTERS": [{{"BACKEND": "tests.tracing.test_open_at_the_end.Outcomes", "OPTIONS": {{"path": {path!r}}},
                        "QUEUE": {{"delay": 60.0}}}}],
        "SPOOL": {{"DIRECTORY": {spool!r}}},
    }},
)
django.setup()
from llmtrace import LLM
model = LLM("fake")
def opened():
    stream = model.stream("Count.")
    next(stream)
    return stream
async def aopened():
    stream = await model.astream("Count.")
    await anext(stream)
    return stream
"""


class Outcomes(SpanExporter):
    """Writes the outcomes of streams into a file."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self.path.open("a") as file:
            file.writelines(f"{(span.attributes or {}).get('llmtrace.stream.outcome')}\n" for span in spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing to let go of."""


def run(tmp_path: Path, code: str) -> tuple[int, list[str], str]:
    """The exit status of a program, the outcomes that have arrived when it has ended, and its standard error."""
    path = tmp_path / "outcomes"
    script = HEAD.format(path=str(path), spool=str(tmp_path / "spool")) + code.replace("{path!r}", repr(str(path)))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, path.read_text().split() if path.exists() else [], done.stderr


WHEREVER: Final = """
from llmtrace.tracing.scope import scope
stream = opened()
around = scope()
around.__enter__()
of_a_scope = opened()
ready = threading.Event()
def work():
    of_a_daemon = opened()
    ready.set()
    threading.Event().wait()
threading.Thread(target=work, daemon=True).start()
ready.wait()
import atexit
atexit.register(lambda: print(len(open({path!r}).readlines()), file=sys.stderr))
"""
RAISES: Final = """
def work():
    stream = opened()
    raise ValueError  # the traceback keeps the stream alive
async def awork():
    stream = await aopened()
    work()
asyncio.run(awork())
"""


def test_a_program_that_comes_to_its_end_and_what_was_open_has_been_sent_while_there_were_threads(
    tmp_path: Path,
) -> None:
    assert run(tmp_path, WHEREVER) == (0, ["abandoned"] * 3, "3\n")


def test_a_program_that_ends_with_an_exception(tmp_path: Path) -> None:
    status, outcomes, errors = run(tmp_path, RAISES)
    assert (status, outcomes) == (1, ["abandoned"] * 2)
    assert errors.startswith("Traceback")
    assert errors.endswith("\nValueError\n")


TOLD: Final = "stream = opened()\nos.kill(os.getpid(), signal.SIGTERM)\nsignal.pause()"
TOLD_WHILE_IT_ENDS: Final = """
stream = opened()
reader = stream._reading.reader
answer = reader.answer
def told_to_end():
    os.kill(os.getpid(), signal.SIGTERM)
    return answer()
reader.answer = told_to_end
stream.close()
signal.pause()
"""
TOLD_WITH_A_LOCK: Final = """
stream = opened()
with stream._reading.span.span._lock:  # as any code of the main thread may hold one that ending needs
    os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize("code", [TOLD, TOLD_WHILE_IT_ENDS], ids=["open", "while it ends"])
def test_a_program_that_gets_sigterm(tmp_path: Path, code: str) -> None:
    assert run(tmp_path, code) == (-signal.SIGTERM, ["abandoned"], "")


def test_sigterm_ends_a_program_whatever_lock_it_holds(tmp_path: Path) -> None:
    assert run(tmp_path, TOLD_WITH_A_LOCK) == (-signal.SIGTERM, [], "")


READ_BY_OTHERS: Final = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads where there is a fork
stream, last = opened(), threading.main_thread()
child = os.fork()
if not child:
    sys.exit()
os.waitpid(child, 0)
def read():
    last.join()  # which is over when the exit handlers have begun
    for _ in stream: pass
threading.Thread(target=read).start()
"""


def test_a_thread_that_python_waits_for_reads_to_the_end_and_no_child_ends_it_before(tmp_path: Path) -> None:
    assert run(tmp_path, READ_BY_OTHERS) == (0, ["completed"], "")


AFTER_ALL_ELSE: Final = """
import atexit
late = []
atexit.register(lambda: late.append(opened()))  # before ours, so that it is called after it
opened().close()
"""


def test_what_ends_after_all_else_is_counted_as_dropped(tmp_path: Path) -> None:
    assert run(tmp_path, AFTER_ALL_ELSE) == (0, ["abandoned"], "")
    (entry,) = ledgers.read(tmp_path / "spool")
    account = entry.account
    assert (account.ended, account.sent, account.dropped) == (2, 1, {"not sent before the process ended": 1})


@pytest.mark.parametrize("told", [True, False], ids=["by a signal", "by its program"])
def test_uvicorn_ends_what_is_open_when_its_process_ends(monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    ended: list[str] = []
    monkeypatch.setattr(exits, "end_all", lambda: ended.append("open"))
    monkeypatch.setattr(exits, "send_all", lambda *_, hold=False: ended.append("held" if hold else "sent"))

    async def shutdown() -> None:
        ended.append("shut down")

    server: Any = SimpleNamespace(_captured_signals=[signal.SIGTERM] if told else [])
    asyncio.run(exits._shut_down(shutdown, server, (), {}))
    assert ended == (["shut down", "open", "sent", "held"] if told else ["shut down", "sent"])


def test_celery_ends_what_is_open_when_its_process_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker in another thread is one of a test, whose process goes on."""
    ended: list[str] = []
    monkeypatch.setattr(worker, "leave", lambda: ended.append("all"))
    monkeypatch.setattr(worker, "send_all", lambda: ended.append("sent"))
    in_another = threading.Thread(target=worker._ending)
    in_another.start()
    in_another.join()
    assert ended == ["sent"]
    worker._ending()
    assert ended == ["sent", "all"]
