"""A host on SQLite that reads and writes in deferred transactions, beside a busy exporter: how many of its own fail.

Run it with ``python -m benchmarks.host_transactions``. The store has a file of its own, as the documentation advises;
``--shared`` shows what happens in one file. The exit status is 1 when a transaction of the host failed.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import django
from django.conf import settings

TEXT = "Readers love the prose and the music of this book. " * 30


@dataclass
class Host:
    """What became of the host's transactions."""

    done: int = 0
    failed: int = 0
    took: list[float] = field(default_factory=list)

    def work(self, until: float) -> None:
        """Read, then write, again and again until `until` (seconds of `time.monotonic`)."""
        from django.db import OperationalError, connection, transaction

        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE stock (book integer PRIMARY KEY, copies integer)")
            cursor.execute("INSERT INTO stock VALUES (1, 0)")
        while (start := time.monotonic()) < until:
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("SELECT copies FROM stock WHERE book = 1")
                    [copies] = cursor.fetchone()
                    time.sleep(0.001)  # the host thinks between what it reads and what it writes
                    cursor.execute("UPDATE stock SET copies = %s WHERE book = 1", [copies + 1])
                self.done += 1
            except OperationalError:
                self.failed += 1
            self.took.append(time.monotonic() - start)


def trace(until: float, ended: list[int]) -> None:
    """End spans with content, as many as the exporter takes, until `until`."""
    from opentelemetry.trace import SpanKind

    from llmtrace.pipeline.fanout import fanout
    from llmtrace.tracing.setup import get_tracer

    tracer = get_tracer()
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.input.messages": TEXT}
    while time.monotonic() < until:
        for _ in range(64):
            tracer.start_span("chat gpt-4o", kind=SpanKind.CLIENT, attributes=attributes).end()
            ended[0] += 1
        while fanout.accounts()["Database"].waiting > 2000:
            time.sleep(0.005)


def configure(folder: Path, shared: bool) -> None:
    """A host with Django's default (deferred) transactions, and the store in the same or in a second file."""

    def file(name: str) -> dict[str, Any]:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / f"{name}.sqlite3")}

    store = "default" if shared else "llmtrace"
    settings.configure(
        USE_TZ=True,
        INSTALLED_APPS=["llmtrace"],
        DATABASES={"default": file("default"), "llmtrace": file("llmtrace")},
        DATABASE_ROUTERS=["llmtrace.routers.LLMTraceRouter"],
        LLMTRACE={
            "DATABASE": store,
            "EXPORTERS": [{"BACKEND": "llmtrace.exporters.Database", "QUEUE": {"delay": 0.1}}],
        },
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", database=store, verbosity=0)


def main() -> None:
    """Run both side by side and print what became of the host's transactions and of the spans."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--shared", action="store_true", help="the store in the host's own file")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="llmtrace-host-") as folder:
        configure(Path(folder), arguments.shared)
        until, host, ended = time.monotonic() + arguments.seconds, Host(), [0]
        tracing = threading.Thread(target=trace, args=(until, ended))
        tracing.start()
        host.work(until)
        tracing.join()
        stored = flushed()
    host.took.sort()
    print(f"host: {host.done} transactions, {host.failed} failed, {arguments.seconds:g} s")
    print(f"host: median {host.took[len(host.took) // 2] * 1e3:.1f} ms, longest {host.took[-1] * 1e3:.1f} ms")
    print(f"store: {stored} of {ended[0]} spans")
    sys.exit(host.failed > 0 or stored != ended[0])


def flushed() -> int:
    """The number of spans in the store, once all have arrived."""
    from llmtrace.models import Span
    from llmtrace.pipeline.fanout import fanout

    fanout.flush(30)
    return Span.objects.count()


if __name__ == "__main__":
    main()
