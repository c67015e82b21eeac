"""Spans per second from an ended span to its committed row, content included, beside other ways to keep or send it.

Run it with ``python -m benchmarks.store``. All ways run interleaved in one process; a figure is the median of the
rounds, and what counts are the ratios, taken round by round against Django's ``bulk_create``.

* *llmtrace*: ended spans with their content beside them, through record, writer and commit;
* *with Redact*: the same after the filter that is on by default;
* *bulk_create*: Django's, of model instances that are ready, the same columns and indexes, a transaction for a batch;
* *bare driver*: rows that are ready (``executemany`` on SQLite, ``COPY`` on PostgreSQL);
* *OTLP/HTTP*: the stock exporter with the same spans, content as JSON texts, to a receiver that answers at once.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import django
from django.conf import settings

from benchmarks.rounds import in_turns

BATCH = 512
QUESTION = 'Recommend a fantasy book to someone who liked "The Name of the Wind",\nand say why. ' * 16
ANSWER = "Readers love the prose and the music of this book; a third wish that more happened.\n" * 18

Round = Callable[[], float]
"""Runs one round and returns the seconds that it took."""


class Said:
    """Content as it travels beside a span: about 3 KB, and no two alike."""

    def __init__(self, number: int) -> None:
        question = [{"type": "text", "content": f"{QUESTION} ({number})"}]
        answer = [{"type": "text", "content": f"{ANSWER} ({number})"}]
        self._attributes = {
            "gen_ai.input.messages": [{"role": "user", "parts": question}],
            "gen_ai.output.messages": [{"role": "assistant", "parts": answer, "finish_reason": "stop"}],
            "llmtrace.prompt.template": "Recommend a {genre} book to someone who liked {liked}, and say why.",
            "gen_ai.prompt.variable.genre": "fantasy",
            "gen_ai.prompt.variable.liked": "The Name of the Wind",
        }

    def size(self) -> int:
        return len(QUESTION) + len(ANSWER)

    def attributes(self) -> Mapping[str, Any]:
        return self._attributes

    def events(self) -> Sequence[Any]:
        return ()

    def description(self) -> None:
        return None


def spans(count: int) -> list[tuple[Any, Said]]:
    """Calls that ended, as the SDK freezes them, each with what was said in it."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, TraceFlags

    shop, scope, now = (
        Resource.create({"service.name": "shop"}),
        InstrumentationScope("llmtrace", "1.0"),
        time.time_ns(),
    )
    made = []
    for number in range(count):
        context = SpanContext(random.getrandbits(128), random.getrandbits(64), False, TraceFlags(1))
        start = now + number * 1_000_000
        model = random.choice(["gpt-4o-mini", "gpt-4o", "claude-sonnet-5", "gemini-3-pro"])
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
            "gen_ai.request.temperature": 0.2,
            "gen_ai.request.max_tokens": 500,
            "server.address": "api.openai.com",
            "server.port": 443,
            "gen_ai.response.id": f"chatcmpl-{random.getrandbits(96):024x}",
            "gen_ai.response.model": model,
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.usage.input_tokens": 312,
            "gen_ai.usage.output_tokens": 248,
            "gen_ai.usage.cache_read.input_tokens": 128,
            "llmtrace.cost": 0.000195,
            "user.id": str(random.randrange(5000)),
            "session.id": f"{random.getrandbits(128):032x}",
            "gen_ai.conversation.id": f"{random.getrandbits(64):016x}",
        }
        span = ReadableSpan(
            "recommend_book", context, None, shop, attributes, (), (), SpanKind.CLIENT, None, Status(), start,
            start + 800_000_000, scope,
        )  # fmt: skip
        made.append((span, Said(number)))
    return made


def batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


class Ways:
    """Each way to keep or send `count` spans, as a function that runs one round."""

    def __init__(self, alias: str, endpoint: str, count: int) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        from llmtrace.exporters import Database

        self.alias, self.count = alias, count
        self.database = Database(alias)
        self.otlp = OTLPSpanExporter(endpoint=endpoint)

    def rounds(self) -> dict[str, Round]:
        bare = self.copy if self.connection.vendor == "postgresql" else self.executemany
        return {
            "bulk_create": self.bulk_create,
            "llmtrace": self.llmtrace,
            "with Redact": self.redacted,
            "bare driver": bare,
            "OTLP/HTTP": self.send,
        }

    @property
    def connection(self) -> Any:
        from django.db import connections

        return connections[self.alias]

    @contextmanager
    def empty_store(self) -> Iterator[None]:
        """The tables as they were when they were made: what one way left behind is no burden to the next."""
        with self.connection.cursor() as cursor:
            if self.connection.vendor == "postgresql":
                cursor.execute("TRUNCATE llmtrace_span, llmtrace_spancontent")
                cursor.execute("CHECKPOINT")
            else:
                cursor.execute("DELETE FROM llmtrace_span")
                cursor.execute("DELETE FROM llmtrace_spancontent")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        gc.collect()
        yield
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT (SELECT count(*) FROM llmtrace_span), (SELECT count(*) FROM llmtrace_spancontent)")
            assert cursor.fetchone() == (self.count, self.count)

    def llmtrace(self, *filters: Callable[[Any], Any]) -> float:
        from llmtrace.pipeline.ended import EndedSpan

        ended = spans(self.count)
        with self.empty_store():
            start = time.perf_counter()
            for batch in batches(ended):
                out = [EndedSpan.of(span, said) for span, said in batch]
                for each in filters:
                    out = [each(span) for span in out]
                self.database.export(out)
            return time.perf_counter() - start

    def redacted(self) -> float:
        from llmtrace.filters import Redact

        return self.llmtrace(Redact())

    def bulk_create(self) -> float:
        from django.db import transaction

        from llmtrace.models import Span, SpanContent
        from llmtrace.pipeline.ended import EndedSpan
        from llmtrace.store.records import record

        ready = []
        for span, said in spans(self.count):
            values = record(EndedSpan.of(span, said))._asdict()
            content = values.pop("content")
            values.update(attributes=dict(span.attributes), events=[], links=[])
            row = Span(**values)
            ready.append((row, SpanContent(span=row, data=content)))
        with self.empty_store():
            start = time.perf_counter()
            for batch in batches(ready):
                with transaction.atomic(self.alias):
                    Span.objects.using(self.alias).bulk_create([row for row, _ in batch])
                    for row, content in batch:
                        content.span_id = row.pk
                    SpanContent.objects.using(self.alias).bulk_create([content for _, content in batch])
            return time.perf_counter() - start

    def rows(self) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        from llmtrace.pipeline.ended import EndedSpan
        from llmtrace.store.records import record

        rows = []
        for id, (span, said) in enumerate(spans(self.count), 1):
            made = record(EndedSpan.of(span, said))
            values = list(made[:-1])
            if self.connection.vendor == "sqlite":
                values[6] = str(made.started_at.replace(tzinfo=None))
            rows.append(((id, *values), (id, made.content)))
        return rows

    def executemany(self) -> float:
        from llmtrace.store.records import Record

        columns = ("id", *Record._fields[:-1])
        span = f"INSERT INTO llmtrace_span ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        ready = self.rows()
        self.connection.ensure_connection()
        with self.empty_store():
            cursor = self.connection.connection.cursor()
            start = time.perf_counter()
            for batch in batches(ready):
                cursor.execute("BEGIN IMMEDIATE")
                cursor.executemany(span, [row for row, _ in batch])
                cursor.executemany("INSERT INTO llmtrace_spancontent VALUES (?, ?)", [content for _, content in batch])
                cursor.execute("COMMIT")
            return time.perf_counter() - start

    def copy(self) -> float:
        from llmtrace.store.records import Record

        span = f"COPY llmtrace_span (id, {', '.join(Record._fields[:-1])}) FROM STDIN"
        ready = self.rows()
        self.connection.ensure_connection()
        with self.empty_store():
            cursor = self.connection.connection.cursor()
            start = time.perf_counter()
            for batch in batches(ready):
                cursor.execute("BEGIN")
                for statement, index in ((span, 0), ("COPY llmtrace_spancontent FROM STDIN", 1)):
                    with cursor.copy(statement) as copy:
                        for pair in batch:
                            copy.write_row(pair[index])
                cursor.execute("COMMIT")
            return time.perf_counter() - start

    def send(self) -> float:
        from opentelemetry.sdk.trace.export import SpanExportResult

        from llmtrace.pipeline.ended import EndedSpan

        ready = [EndedSpan.of(span, said).for_export() for span, said in spans(self.count)]
        gc.collect()
        start = time.perf_counter()
        for batch in batches(ready):
            assert self.otlp.export(batch) is SpanExportResult.SUCCESS
        return time.perf_counter() - start


def report(engine: str, count: int, seconds: Mapping[str, Sequence[float]]) -> None:
    base = seconds["bulk_create"]
    print(f"\n{engine}: {count:,} spans a round, batches of {BATCH}, {len(base)} rounds")
    print(f"  {'':<14}{'spans/s':>10}{'µs a span':>12}{'× bulk_create':>16}")
    for name, took in seconds.items():
        median = statistics.median(took)
        ratio = statistics.median(one / other for one, other in zip(base, took, strict=True))
        print(f"  {name:<14}{count / median:>10,.0f}{median / count * 1e6:>12.1f}{ratio:>16.2f}")


def main() -> None:
    """Measure on SQLite and on PostgreSQL and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=4 * BATCH, help="spans in one round")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], action="append")
    arguments = parser.parse_args()

    settings.configure(USE_TZ=True, INSTALLED_APPS=["llmtrace"], DATABASES={"default": {}})
    django.setup()
    from benchmarks import databases
    from benchmarks.receiver import receiver

    for engine in arguments.engine or ["sqlite", "postgres"]:
        with ExitStack() as stack:
            endpoint = stack.enter_context(receiver())
            made = stack.enter_context(getattr(databases, engine)())
            alias = stack.enter_context(databases.store(engine, made))
            ways = Ways(alias, endpoint, arguments.spans).rounds()
            took = in_turns(ways, lambda name: ways[name](), arguments.rounds)  # noqa: B023 - done in the turn
            report(engine, arguments.spans, took)


if __name__ == "__main__":
    main()
