"""The host project in real processes, what its witness saw, and what arrived at each of its exporters."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.db import connections

from llmtrace.models import Span
from tests.losses.site.pages import CALLS
from tests.servers.otlp import Receiver
from tests.services import ROOT
from tests.waiting import until

PATIENCE_S: Final = 60.0
EXPORTERS: Final = ("http", "grpc", "database")

SERVERS: Final[Mapping[str, Sequence[str]]] = {
    "gunicorn": ("gunicorn", "tests.losses.site.wsgi", "--no-control-socket", "--bind", "fd://{fd}"),
    "uvicorn": ("uvicorn", "tests.losses.site.asgi:application", "--fd", "{fd}", "--lifespan", "off"),
}


class Host:
    """The host project with a receiver for HTTP and gRPC, and a database."""

    def __init__(
        self, folder: Path, alias: str, exporters: Sequence[str] = EXPORTERS, queue: Mapping[str, Any] | None = None
    ) -> None:
        """`queue` is the ``QUEUE`` of each exporter; `exporters` are those that the project has."""
        self.folder = folder
        self.alias = alias
        self.exporters = exporters
        self.receivers = {"http": Receiver(), "grpc": Receiver(grpc_port=0)}
        self._before = {name: list[Any]() for name in self.receivers}  # what receivers took that were closed
        self._queue = queue
        (folder / "messages").mkdir()
        self.settings: dict[str, Any] = {"EXIT_TIMEOUT": 10}

    def close(self) -> None:
        """Let go of the receivers."""
        for receiver in self.receivers.values():
            receiver.close()

    def listen_again(self) -> None:
        """Listen where the receivers did before they were closed."""
        for name, gone in self.receivers.items():
            self._before[name] += gone.spans
        self.receivers = {name: Receiver(gone.port, gone.grpc_port or None) for name, gone in self.receivers.items()}

    # Processes

    @property
    def _env(self) -> dict[str, str]:
        database = connections[self.alias].settings_dict
        known = ("ENGINE", "NAME", "HOST", "PORT", "USER", "PASSWORD")
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.losses.site.settings",
            "PYTHONPATH": str(ROOT),
            "LOSSES_FOLDER": str(self.folder),
            "LOSSES_DATABASE": json.dumps({key: str(database[key]) for key in known}),
            "LOSSES_EXPORTERS": json.dumps([self._entry(name) for name in self.exporters]),
            "LOSSES_LLMTRACE": json.dumps(self.settings),
        }

    def _entry(self, name: str) -> dict[str, Any]:
        otlp, queue = "llmtrace.exporters.OTLP", {"batch": 20, **(self._queue or {})}
        http, grpc = self.receivers["http"].url, self.receivers["grpc"].grpc_url
        entries: dict[str, dict[str, Any]] = {
            "http": {"BACKEND": otlp, "OPTIONS": {"endpoint": http}},
            "grpc": {"BACKEND": otlp, "OPTIONS": {"endpoint": grpc, "protocol": "grpc", "insecure": True}},
            "database": {"BACKEND": "llmtrace.exporters.Database", "SPANS": "all"},
        }
        return {"NAME": name, **entries[name], "QUEUE": queue}

    def command(self, *words: str, status: int = 0) -> str:
        """What ``python -m …`` prints; it has to end with `status`."""
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=ROOT, env=self._env, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == status, f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def program(self, name: str, status: int = 0) -> None:
        """One of `tests.losses.site.scripts`, to its end."""
        self.command("tests.losses.site.scripts", name, status=status)

    @contextmanager
    def running(self, log: str, *words: str, fds: Sequence[int] = ()) -> Iterator[subprocess.Popen[bytes]]:
        """A process that is told to end in the end, unless it has been."""
        with (self.folder / log).open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=ROOT,
                env=self._env,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=list(fds),
                start_new_session=True,
            )
        try:
            yield process
        except BaseException:
            sys.stdout.write((self.folder / log).read_text())  # pytest shows it beside the failure
            raise
        finally:
            end(process)

    def serve(self, by: str, *options: str, requests: int) -> None:
        """A server that answers `requests` and is told to end right after the last."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            words = [part.format(fd=listening.fileno()) for part in SERVERS[by]]
            with self.running(f"{by}.log", *words, *options, fds=[listening.fileno()]) as process:
                for _ in range(requests):
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
                    connection.request("GET", "/", headers={"Connection": "close"})
                    assert connection.getresponse().status == 200
                    connection.close()
                end(process)
        assert len(self.ended) == requests * (CALLS + 1)

    def work(self, *options: str, jobs: int) -> None:
        """A worker that runs `jobs` and is told to end right after the last."""
        self.command("django", "burst", "0", "--jobs", str(jobs))
        self.run_jobs(*options, jobs=jobs)
        assert len(self.ended) == jobs * 4  # publish, run and two calls each

    def run_jobs(self, *options: str, jobs: int) -> None:
        """The same of jobs that are sent somewhere else."""
        words = ["celery", "--app", "tests.losses.site.celery", "worker", "--loglevel", "INFO", *options]
        with self.running("worker.log", *words) as process:
            until(lambda: self._ticks() >= jobs, f"{jobs} jobs have run", PATIENCE_S)
            end(process)

    def _ticks(self) -> int:
        counted = self.folder / "ticks"
        return counted.stat().st_size if counted.exists() else 0

    # What became of the spans

    @property
    def ended(self) -> set[str]:
        """Trace id and span id of all that ended, as the witness saw it."""
        written = self.folder / "ended"
        return set(written.read_text().splitlines()) if written.exists() else set()

    def arrived(self, exporter: str) -> Counter[str]:
        """How often each span has arrived."""
        if exporter == "database":
            rows = Span.objects.using(self.alias).values_list("trace_id", "span_id")
            return Counter(f"{trace_id} {span_id}" for trace_id, span_id in rows)
        taken = [*self._before[exporter], *self.receivers[exporter].spans]
        return Counter(f"{span.trace_id.hex()} {span.span_id.hex()}" for span in taken)

    def status(self) -> dict[str, dict[str, Any]]:
        """The ledger by exporter: the sums of all processes, as ``llmtrace_status`` tells them."""
        with subprocess.Popen(
            [sys.executable, "-m", "django", "llmtrace_status", "--json"],
            cwd=ROOT,
            env=self._env,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            rows = json.loads(process.communicate(timeout=PATIENCE_S)[0])
        sums: dict[str, dict[str, Any]] = {}
        for row in rows:
            assert row["ended"] == row["sent"] + row["waiting"] + sum(row["dropped"].values()), row
            found = sums.setdefault(row["exporter"], {"ended": 0, "sent": 0, "waiting": 0, "dropped": Counter()})
            for key in ("ended", "sent", "waiting"):
                found[key] += row[key]
            found["dropped"].update(row["dropped"])
        return sums


def end(process: subprocess.Popen[bytes]) -> None:
    """Tell it to end, unless it has, and wait until it has gone."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"{process.args!r} did not end within {PATIENCE_S} s") from None
