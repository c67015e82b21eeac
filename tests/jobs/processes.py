"""Real processes of the host project, and the spans that arrive from them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from llmtrace.models import Span
from tests.jobs.traces import Trace
from tests.servers.http import ScriptedServer
from tests.servers.openai import base_url
from tests.services import ROOT
from tests.waiting import until

PATIENCE_S: Final = 60.0
START_S: Final = 120.0  # a worker imports for 2 s on an idle machine, and for 40 s at a load of 16
END_S: Final = 60.0  # a child of a pool waits up to 30 s for results that its main process, ending, reads no more


class Site:
    """The host project with its broker and its store."""

    def __init__(self, folder: Path, alias: str, store: str, broker: dict[str, str], model: ScriptedServer) -> None:
        self.folder = folder
        self.alias = alias
        self.model = model
        self.env = {
            **os.environ,
            **broker,
            "DJANGO_SETTINGS_MODULE": "tests.jobs.site.settings",
            "JOBS_FOLDER": str(folder),
            "JOBS_SPANS": store,
            "JOBS_MODEL": base_url(model),
            "PYTHONPATH": str(ROOT),
        }
        self._workers = 0

    def visit(self, *names: str) -> dict[str, str]:
        """Call pages from a process that ends then; gives each page's trace id."""
        with self.visitor() as visitor:
            return visitor.visit(*names)

    @contextmanager
    def visitor(self) -> Iterator[Visitor]:
        """A process that calls pages."""
        command = [sys.executable, "-m", "tests.jobs.site.visit"]
        log = self.folder / "visitor.log"
        with log.open("a") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output
            )
        with process, shown_on_failure(log):
            try:
                yield Visitor(process, log)
            except BaseException:
                process.kill()  # it may hang in a page
                raise
            process.communicate(timeout=END_S)
        assert process.returncode == 0, log.read_text()
        assert "Traceback" not in log.read_text(), log.read_text()

    @contextmanager
    def beat(self) -> Iterator[None]:
        """A beat that sends by the host's schedule."""
        command = [sys.executable, "-m", "celery", "--app", "tests.jobs.site.celery", "beat"]
        kept = ["--schedule", str(self.folder / "beat"), "--pidfile", ""]
        log = self.folder / "beat.log"
        with log.open("w") as output:
            process = subprocess.Popen([*command, *kept], cwd=ROOT, env=self.env, stdout=output, stderr=output)
        with process, shown_on_failure(log):
            try:
                yield
            finally:
                process.terminate()

    @contextmanager
    def worker(self, *options: str) -> Iterator[Worker]:
        """A worker that is ready; it is stopped in the end if the test has not done so."""
        self._workers += 1
        log = self.folder / f"worker-{self._workers}.log"
        command = [sys.executable, "-m", "celery", "--app", "tests.jobs.site.celery", "worker", "--loglevel", "INFO"]
        quiet = ["--without-mingle", "--without-gossip", "--without-heartbeat"]
        with log.open("w") as output:
            process = subprocess.Popen(
                [*command, *quiet, *options], cwd=ROOT, env=self.env, stdout=output, stderr=subprocess.STDOUT
            )
        worker = Worker(process, log)
        try:
            with shown_on_failure(log):
                until(worker.is_ready, "the worker is ready", START_S)
                yield worker
        finally:
            worker.stop()

    def spans(self, trace_id: str | None = None) -> list[Span]:
        """What has arrived, in the order in which it began."""
        found = Span.objects.using(self.alias).with_content().order_by("started_at", "id")
        return list(found if trace_id is None else found.of_trace(trace_id))

    def count(self, **wanted: Any) -> int:
        """How many spans have arrived that match."""
        return Span.objects.using(self.alias).filter(**wanted).count()

    def arrived(self, trace_id: str, runs: int) -> Trace:
        """A trace, once `runs` attempts of jobs have arrived in it."""

        def enough() -> Trace | None:
            trace = Trace(self.spans(trace_id))
            return trace if len(trace.runs()) >= runs else None

        found: Trace = until(enough, f"{runs} runs in trace {trace_id}", PATIENCE_S)
        return found


@contextmanager
def shown_on_failure(log: Path) -> Iterator[None]:
    """Write what a process has logged where pytest shows it beside the failure."""
    try:
        yield
    except BaseException:
        sys.stdout.write(f"{log.name}:\n{log.read_text()}\n")
        raise


class Visitor:
    """A running process that calls pages."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log

    def visit(self, *names: str) -> dict[str, str]:
        """Call pages; gives each page's trace id."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join(names) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        traces: dict[str, str] = json.loads(line)
        return traces


class Worker:
    """A running worker."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def is_ready(self) -> bool:
        """Whether it takes jobs."""
        assert self.process.poll() is None, self.log.read_text()
        return " ready." in self.log.read_text()

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End it, by a warm shutdown unless another signal is given, and wait until it has gone."""
        if self.process.poll() is None:
            self.process.send_signal(by)
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the worker did not end within {END_S} s\n{self.log.read_text()}") from None
