"""What llmtrace adds to one model call and to one streamed chunk, beside a hand-written span on the same SDK.

Run it with ``python -m benchmarks.overhead``. The provider is a transport in this process, so that nothing but the
client's work is measured. All variants run interleaved in one process; a figure is the median of the rounds, and what
counts are the ratios.

* *caller*: time that passes for the caller, exporters' threads running beside it, as they do in production;
* *cpu*: processor time of the whole process, with everything that was ended also exported (filters, redaction and
  rendering of content included; the exporters of all variants throw away what they get).

Below 0 means that the call takes less than the bare SDK's own method: llmtrace reads an answer's JSON once and leaves
out the models that the SDK builds of it. The row with the SDK's object has them built too.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import django
from django.conf import settings

from benchmarks.answers import CHUNKS, PROVIDERS, http_client

Figures = dict[str, tuple[float, float]]


def configure() -> dict[str, Any]:
    """Settings with one exporter that throws its spans away; the HTTP client of each provider."""
    clients = {name: http_client(name) for name in PROVIDERS}
    providers = {
        name: {
            "BACKEND": each.backend,
            "OPTIONS": {"api_key": "k", "base_url": each.base_url, "http_client": clients[name], **each.options},
        }
        for name, each in PROVIDERS.items()
    }
    settings.configure(
        USE_TZ=True,
        LLMTRACE={
            "PROVIDERS": {"default": providers["OpenAI chat"], **providers},
            "EXPORTERS": [{"BACKEND": "benchmarks.discard.Discard", "QUEUE": {"size": 1_000_000}}],
        },
    )
    django.setup()
    return clients


def flush(hand: Any) -> None:
    """Have everything exported that has ended."""
    from opentelemetry.trace import get_tracer_provider

    hand.provider.force_flush()
    get_tracer_provider().force_flush(60_000)  # type: ignore[attr-defined]  # the SDK's


def rounds(variants: dict[str, Callable[[], Any]], hand: Any, count: int, calls: int) -> Iterator[Figures]:
    """One figure for each variant and round: seconds a call that pass, and that the processor works."""
    for _ in range(count):
        figures = {}
        for name, run in variants.items():
            flush(hand)
            gc.collect()
            cpu, began = time.process_time(), time.perf_counter()
            for _ in range(calls):
                run()
            passed = time.perf_counter() - began
            flush(hand)
            figures[name] = (passed / calls, (time.process_time() - cpu) / calls)
        yield figures


def measure(variants: dict[str, Callable[[], Any]], hand: Any, count: int, calls: int) -> Figures:
    """Medians over all rounds, in microseconds a call: caller, cpu."""
    for run in variants.values():
        for _ in range(20):
            run()
    seen = list(rounds(variants, hand, count, calls))
    return {
        name: (
            statistics.median(figures[name][0] for figures in seen) * 1e6,
            statistics.median(figures[name][1] for figures in seen) * 1e6,
        )
        for name in variants
    }


def show(title: str, figures: Figures, per: int = 1) -> None:
    """Print a table: what each variant takes, and what it adds to the first."""
    base = next(iter(figures.values()))
    print(f"\n{title:34}{'caller µs':>12}{'added':>10}{'cpu µs':>12}{'added':>10}")
    for name, (caller, cpu) in figures.items():
        row = (caller / per, (caller - base[0]) / per, cpu / per, (cpu - base[1]) / per)
        print(f"{name:34}{row[0]:12.2f}{row[1]:10.2f}{row[2]:12.2f}{row[3]:10.2f}")


def ratio(figures: Figures, index: int) -> float:
    """What llmtrace adds to the bare call, in terms of what a span by hand adds."""
    base, hand, ours = figures["bare SDK"], figures["span by hand"], figures["llmtrace"]
    return (ours[index] - base[index]) / (hand[index] - base[index])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=200)
    arguments = parser.parse_args()
    clients = configure()

    from benchmarks.variants import ByHand, Variants
    from llmtrace.pipeline.fanout import fanout

    hand = ByHand()
    for name in PROVIDERS:
        variants = Variants(name, clients[name], hand)
        variants.check()
        whole = measure(variants.whole(), hand, arguments.rounds, arguments.calls)
        show(f"{name}: one call", whole)
        print(f"added by llmtrace, by a span by hand = 1: caller {ratio(whole, 0):.2f}, cpu {ratio(whole, 1):.2f}")
        streamed = measure(variants.streamed(), hand, arguments.rounds, max(1, arguments.calls // 20))
        show(f"{name}: a chunk of a stream of {CHUNKS}", streamed, CHUNKS)
    account = fanout.accounts()["Discard"]
    assert account.sent == account.ended > len(PROVIDERS) * arguments.rounds * arguments.calls, account


if __name__ == "__main__":
    main()
