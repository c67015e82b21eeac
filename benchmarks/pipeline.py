"""What the way of an ended span costs, beside OpenTelemetry's own, and what each thing that it does adds.

Run it with ``python -m benchmarks.pipeline``. All ways run in one process, round by round in turning order; a figure is
the median of the rounds, and what counts are the ratios, taken round by round.

* *spans/s*: spans that have ended are handed on as fast as it goes, until the last has arrived at an OTLP/HTTP receiver
  in a process of its own. Stock is ``BatchSpanProcessor`` with ``OTLPSpanExporter``; the others are a pipe with that
  exporter, with llmtrace's own, beside other exporters, with redaction, and with spans on disk first. What is measured
  *once more* says how far apart two figures are by chance. *CPU* is the same
  in processor time of the whole process, which others on the machine do not disturb.
* *µs a span on the calling thread*: the thread's processor time until ``on_end`` returns, while the exporters' threads
  have nothing to do.
"""

from __future__ import annotations

import argparse
import gc
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import django
from django.conf import settings

from benchmarks.rounds import in_turns

STOCK = "opentelemetry.exporter.otlp.proto.http.trace_exporter.OTLPSpanExporter"
OURS = "llmtrace.exporters.OTLP"
ALONE = OURS  # the row that those beside others are compared to
DISCARD = "benchmarks.discard.Discard"
LATE = {"size": 1_000_000, "bytes": 1 << 34, "batch": 1_000_000, "delay": 3600}

Round = Callable[[], tuple[float, float]]
"""Runs one round and returns seconds on the clock, and of processor time."""


def ready(count: int) -> list[Any]:
    """Spans that OpenTelemetry's tracer began and ended, with 3 KB of messages as JSON texts on each."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from benchmarks.store import spans
    from llmtrace.pipeline.ended import EndedSpan

    ended = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ended))
    tracer = provider.get_tracer("llmtrace", "1.0")
    for span, said in spans(count):
        known = EndedSpan.of(span, said).for_export()
        live = tracer.start_span(known.name, kind=known.kind, attributes=known.attributes, start_time=known.start_time)
        live.end(known.end_time)
    return list(ended.get_finished_spans())


@contextmanager
def fan_out(*entries: Mapping[str, Any], **more: Any) -> Iterator[Any]:
    """The processor of llmtrace with these exporters."""
    from django.test import override_settings

    from llmtrace.pipeline.fanout import FanOut

    named = [{"NAME": f"exporter {number}", **entry} for number, entry in enumerate(entries)]
    with tempfile.TemporaryDirectory() as folder:
        spool = {"DIRECTORY": folder, "MAX_BYTES": 1 << 34}
        with override_settings(LLMTRACE={"EXPORTERS": named, "REDACT": False, "SPOOL": spool, **more}):
            processor = FanOut()
            processor.pipes()
            yield processor
            processor.close(1)


class Throughput:
    """Each way to a receiver."""

    def __init__(self, endpoint: str, count: int) -> None:
        self.endpoint = endpoint
        self.spans = ready(count)

    def ways(self) -> dict[str, Round]:
        return {
            "stock": self.stock,
            "llmtrace, stock exporter": lambda: self.ours(STOCK),
            "llmtrace.exporters.OTLP": lambda: self.ours(OURS),
            "the same, once more": lambda: self.ours(OURS),
            "beside a slow one": lambda: self.ours(OURS, "benchmarks.faulty.Slow"),
            "beside one that hangs": lambda: self.ours(OURS, "benchmarks.faulty.Hanging"),
            "beside one that raises": lambda: self.ours(OURS, "benchmarks.faulty.Raising"),
            "beside one that works": lambda: self.ours(OURS, DISCARD),
            "beside one that hangs, to disk": lambda: self.ours(OURS, "benchmarks.faulty.Hanging", full=True),
            "with Redact": lambda: self.ours(OURS, REDACT=True),
            "durable": lambda: self.ours(OURS, durable=True),
            "durable, with Redact": lambda: self.ours(OURS, durable=True, REDACT=True),
        }

    def stock(self) -> tuple[float, float]:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=self.endpoint), max_queue_size=1_000_000)
        try:
            return self.through(processor)
        finally:
            processor.shutdown()  # type: ignore[no-untyped-call]

    def ours(
        self, backend: str, neighbour: str | None = None, durable: bool = False, full: bool = False, **more: Any
    ) -> tuple[float, float]:
        """Through one of these, beside `neighbour`, whose queue soon spills over to disk if it is `full`."""
        queue = {"size": 1_000_000, "bytes": 1 << 34, "durable": durable}
        entries = [{"BACKEND": backend, "OPTIONS": {"endpoint": self.endpoint}, "QUEUE": queue}]
        if neighbour is not None:
            entries.append({"BACKEND": neighbour, "QUEUE": {"size": 1000} if full else queue})
        with fan_out(*entries, EXIT_TIMEOUT=0.1, **more) as processor:
            return self.through(processor, processor.pipes()[0])

    def through(self, processor: Any, pipe: Any = None) -> tuple[float, float]:
        gc.collect()
        start, used = time.perf_counter(), time.process_time()
        for span in self.spans:
            processor.on_end(span)
        assert processor.force_flush(60_000) if pipe is None else pipe.begin_flush()(time.monotonic() + 60)
        took = time.perf_counter() - start, time.process_time() - used
        if pipe is not None:
            account = pipe.account()
            assert (account.sent, account.waiting) == (len(self.spans), 0), account
        return took


class CallingThread:
    """What `on_end` costs the thread in which a span ends."""

    def __init__(self, count: int) -> None:
        self.spans = ready(count)

    def ways(self) -> dict[str, Round]:
        return {
            "stock": self.stock,
            "1 exporter": lambda: self.ours(1),
            "2 exporters": lambda: self.ours(2),
            "5 exporters": lambda: self.ours(5),
            "1 exporter, Redact": lambda: self.ours(1, REDACT=True),
            "1 exporter, durable": lambda: self.ours(1, durable=True),
            "1 exporter, durable, Redact": lambda: self.ours(1, durable=True, REDACT=True),
        }

    def stock(self) -> tuple[float, float]:
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from benchmarks.discard import Discard

        size = 1_000_000
        processor = BatchSpanProcessor(Discard(), size, schedule_delay_millis=3_600_000, max_export_batch_size=size)
        try:
            return self.handed_on(processor)
        finally:
            processor.shutdown()  # type: ignore[no-untyped-call]

    def ours(self, exporters: int, durable: bool = False, **more: Any) -> tuple[float, float]:
        entry = {"BACKEND": DISCARD, "QUEUE": {**LATE, "durable": durable}}
        with fan_out(*[entry] * exporters, **more) as processor:
            return self.handed_on(processor)

    def handed_on(self, processor: Any) -> tuple[float, float]:
        processor.on_end(self.spans[0])  # begins the threads
        time.sleep(0.05)
        gc.collect()
        gc.disable()
        start, used = time.perf_counter(), time.thread_time()
        for span in self.spans:
            processor.on_end(span)
        took = time.perf_counter() - start, time.thread_time() - used
        gc.enable()
        return took


Took = Mapping[str, Sequence[tuple[float, float]]]


def ratio(took: Took, name: str, clock: int, to: str) -> float:
    """How much faster than `to` it was, by the wall's clock (0) or the processor's (1)."""
    return statistics.median(other[clock] / each[clock] for other, each in zip(took[to], took[name], strict=True))


def microseconds(took: Took, name: str, count: int) -> float:
    """Processor time of a span."""
    return statistics.median(each[1] for each in took[name]) / count * 1e6


def report_throughput(count: int, took: Took) -> None:
    print(f"\n{count:,} spans of 3 KB a round to OTLP/HTTP, {len(took['stock'])} rounds")
    print(f"  {'':<32}{'spans/s':>10}{'× stock':>10}{'× alone':>10}{'CPU µs':>10}{'× stock':>10}{'× alone':>10}")
    for name in took:
        rate = count / statistics.median(each[0] for each in took[name])
        used = microseconds(took, name, count)
        clock, cpu = ("".join(f"{ratio(took, name, each, to):>10.2f}" for to in ("stock", ALONE)) for each in (0, 1))
        print(f"  {name:<32}{rate:>10,.0f}{clock}{used:>10.1f}{cpu}")


def report_calling_thread(count: int, took: Took) -> None:
    print(f"\nµs a span on the calling thread, {count:,} spans a round, {len(took['stock'])} rounds")
    for name in took:
        print(f"  {name:<30}{microseconds(took, name, count):>10.1f}")
    pairs = zip(took["5 exporters"], took["1 exporter"], strict=True)
    further = statistics.median(five[1] - one[1] for five, one in pairs) / 4 / count * 1e6
    print(f"  {'each further exporter':<30}{further:>10.1f}")


def main() -> None:
    """Measure and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=6000, help="spans in one round")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()

    logging.disable()  # of the exporters that fail on purpose
    settings.configure(USE_TZ=True, INSTALLED_APPS=["llmtrace"], DATABASES={"default": {}}, LLMTRACE={"EXPORTERS": []})
    django.setup()
    from benchmarks.receiver import receiver

    with receiver() as endpoint:
        ways = Throughput(endpoint, arguments.spans).ways()
        report_throughput(arguments.spans, in_turns(ways, lambda name: ways[name](), arguments.rounds))
    few = arguments.spans // 4
    threads = CallingThread(few).ways()
    report_calling_thread(few, in_turns(threads, lambda name: threads[name](), arguments.rounds))


if __name__ == "__main__":
    main()
