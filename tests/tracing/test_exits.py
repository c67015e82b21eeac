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


def test_sigterm_sends_what_is_queued_and_still_kills(tmp_path: Path) -> None:
    assert ended(tmp_path) == (-signal.SIGTERM, "the last\n", "")


def test_sigterm_kills_a_process_that_has_traced_nothing(tmp_path: Path) -> None:
    assert ended(tmp_path, work="") == (-signal.SIGTERM, "", "")


@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "lambda *_: sys.exit(3)"])
def test_a_handler_of_the_hosts_stays(tmp_path: Path, handler: str) -> None:
    before = f"handler = {handler}\nsignal.signal(signal.SIGTERM, handler)"
    work = f"{WORK}\nassert signal.getsignal(signal.SIGTERM) is handler\nsys.exit(3)"
    script = SCRIPT.format(path=str(tmp_path / "names"), work=work, before=before)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert (tmp_path / "names").read_text() == "the last\n"


def test_outside_of_the_main_thread_no_handler_is_set(tmp_path: Path) -> None:
    setup = "import threading\nthread = threading.Thread(target=django.setup)\nthread.start()\nthread.join()"
    work = "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL"
    script = SCRIPT.replace("django.setup()", setup).format(path=str(tmp_path / "names"), work=work, before="")
    done = subprocess.run(
        [sys.executable, "-c", script.replace("signal.pause()", "")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
