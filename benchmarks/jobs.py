"""What tracing adds to sending a job and to running one: llmtrace beside OpenTelemetry's Celery instrumentation.

Run it with ``python -m benchmarks.jobs``; the other needs ``pip install opentelemetry-instrumentation-celery``. Both
make their spans in one provider, on their way to one exporter that throws them away. The broker is in memory: a
message is written and read as with a real one, and nothing waits. Where llmtrace runs a job, it notes what is open, as
it does in a child of a pool. All variants run interleaved in one process; a figure is the median of the rounds, and
what counts are the ratios. ``--marked`` puts a user and a session on what is sent, which only llmtrace takes along to
the job.

* *caller*: processor time of the thread that sends or runs the job;
* *all*: processor time of the whole process, with everything that was ended also exported.

The bytes are those that each adds to the headers of one message as JSON.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

import django
from django.conf import settings

NOTHING, OURS, THEIRS = "not traced", "llmtrace", "OpenTelemetry's"
DELIVERY: Final = {"exchange": "", "routing_key": "celery"}

Figures = dict[str, tuple[float, float]]


def configure() -> None:
    """llmtrace with one exporter that throws its spans away."""
    exporter = {"BACKEND": "benchmarks.discard.Discard", "QUEUE": {"size": 1_000_000}, "SPANS": "all"}
    settings.configure(USE_TZ=True, INSTALLED_APPS=["llmtrace"], LLMTRACE={"EXPORTERS": [exporter]})
    django.setup()


class Bench:
    """An application with one job that does nothing, and the two instrumentations to switch between."""

    def __init__(self) -> None:
        from celery import Celery

        from llmtrace import jobs
        from llmtrace.tracing.setup import connect

        self.jobs = jobs
        self.provider = connect()
        self.app = Celery("bench", broker="memory://", set_as_current=False)
        self.app.conf.task_ignore_result = True
        self.app.task(name="bench.nothing", shared=False)(nothing)
        self.task: Any = self.app.tasks["bench.nothing"]
        jobs.uninstall()

    def traced(self, by: str) -> Callable[[], object]:
        """Switch an instrumentation on, and return what switches it off."""
        if by == OURS:
            self.jobs.install()
            return self.jobs.uninstall
        if by == THEIRS:
            instrumentor = instrumentor_of_others()
            instrumentor.instrument(tracer_provider=self.provider)
            off: Callable[[], object] = instrumentor.uninstrument
            return off
        return nothing

    def messages(self) -> list[Any]:
        """What was sent since the last time."""
        with self.app.connection_for_read() as connection:
            queue = self.app.amqp.queues["celery"](connection.default_channel)
            return list(iter(lambda: queue.get(no_ack=True), None))

    def send(self, count: int) -> None:
        """Send jobs as a view does."""
        for _ in range(count):
            self.task.delay()

    def run(self, messages: list[Any]) -> Callable[[int], None]:
        """Make a function that runs jobs as a worker's child does."""
        from celery.app.trace import build_tracer

        tracer = build_tracer(self.task.name, self.task, app=self.app)
        requests = [
            (message.headers["id"], *message.payload[:2], {**message.headers, "delivery_info": DELIVERY})
            for message in messages
        ]

        def run(count: int) -> None:
            for request in requests[:count]:
                tracer(*request)

        return run

    def timed(self, work: Callable[[int], None], jobs: int) -> tuple[float, float]:
        """Microseconds a job: of the calling thread, and of the process until all is exported."""
        self.provider.force_flush(60_000)  # type: ignore[attr-defined]  # the SDK's
        gc.collect()
        everything, caller = time.process_time(), time.thread_time()
        work(jobs)
        caller = time.thread_time() - caller
        self.provider.force_flush(60_000)  # type: ignore[attr-defined]
        return caller / jobs * 1e6, (time.process_time() - everything) / jobs * 1e6


def nothing() -> None:
    """The job."""


def instrumentor_of_others() -> Any:
    try:
        return importlib.import_module("opentelemetry.instrumentation.celery").CeleryInstrumentor()
    except ImportError:
        sys.exit("pip install opentelemetry-instrumentation-celery")


def marked(wanted: bool) -> AbstractContextManager[None]:
    """A user and a session for what is sent inside, if that is wanted."""
    from llmtrace import trace_attributes

    return trace_attributes(user_id=12345, session_id="9f86d081884c7d65") if wanted else nullcontext()


@contextmanager
def noted(wanted: bool) -> Iterator[None]:
    """Memory in which a child notes what it has open, if that is wanted."""
    from llmtrace.pipeline.slate import Slate
    from llmtrace.pipeline.slates import slates

    slates.own = Slate() if wanted else None
    yield
    slates.own = None


def one_round(bench: Bench, jobs: int, mark: bool) -> tuple[Figures, Figures]:
    """Figures of sending and of running, each variant once."""
    sending, running = {}, {}
    for by in (NOTHING, OURS, THEIRS):
        off = bench.traced(by)
        with marked(mark):
            sending[by] = bench.timed(bench.send, jobs)
        with noted(by == OURS):
            running[by] = bench.timed(bench.run(bench.messages()), jobs)
        off()
    return sending, running


def medians(rounds: list[Figures]) -> Figures:
    return {
        by: (statistics.median(r[by][0] for r in rounds), statistics.median(r[by][1] for r in rounds))
        for by in rounds[0]
    }


def show(title: str, figures: Figures) -> None:
    """Print a table: what each takes, what it adds, and llmtrace's share of what the other adds."""
    base, ours, theirs = figures[NOTHING], figures[OURS], figures[THEIRS]
    print(f"\n{title:24}{'caller µs':>12}{'added':>10}{'all µs':>12}{'added':>10}")
    for by, (caller, everything) in figures.items():
        print(f"{by:24}{caller:12.1f}{caller - base[0]:10.1f}{everything:12.1f}{everything - base[1]:10.1f}")
    ratios = [(ours[i] - base[i]) / (theirs[i] - base[i]) for i in (0, 1)]
    print(f"added by llmtrace, by OpenTelemetry's = 1: caller {ratios[0]:.2f}, all {ratios[1]:.2f}")


def bytes_added(bench: Bench) -> dict[str, int]:
    """What each adds to the headers of one message, under a user and a session."""
    sizes = {}
    for by in (NOTHING, OURS, THEIRS):
        off = bench.traced(by)
        with marked(True):
            bench.task.apply_async(task_id="0" * 36)
        (message,) = bench.messages()
        sizes[by] = len(json.dumps(message.headers))
        off()
    return {by: size - sizes[NOTHING] for by, size in sizes.items() if by != NOTHING}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--marked", action="store_true", help="send under a user and a session")
    arguments = parser.parse_args()
    configure()
    bench = Bench()
    one_round(bench, 50, arguments.marked)
    rounds = [one_round(bench, arguments.jobs, arguments.marked) for _ in range(arguments.rounds)]
    show("sending a job", medians([sending for sending, _ in rounds]))
    show("running a job", medians([running for _, running in rounds]))
    print("\nbytes added to a message:", *(f"{by} {count}" for by, count in bytes_added(bench).items()), sep="  ")


if __name__ == "__main__":
    main()
