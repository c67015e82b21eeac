"""What tracing adds to a request whose view calls no model: llmtrace beside OpenTelemetry's Django instrumentation.

Run it with ``python -m benchmarks.requests``. Both make their spans in one provider, with llmtrace's exporter of LLM
spans, which wants no such request, and OpenTelemetry's batch processor, whose exporter throws them away. The handlers
are Django's, sync and async. All variants run interleaved in one process; a figure is the median of the rounds, in
processor time of the process, and what counts are the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

from benchmarks.rounds import in_turns

BARE, OURS, THEIRS = "not traced", "llmtrace", "OpenTelemetry's"
MIDDLEWARE: Final = {
    BARE: [],
    OURS: ["llmtrace.middleware.LLMTraceMiddleware"],
    THEIRS: ["opentelemetry.instrumentation.django.middleware.otel_middleware._DjangoMiddleware"],
}


def view(request: HttpRequest) -> HttpResponse:
    """A view that calls nothing."""
    return HttpResponse("done")


async def aview(request: HttpRequest) -> HttpResponse:
    """The same, async."""
    return HttpResponse("done")


urlpatterns = [path("sync/", view), path("async/", aview)]


def configure() -> None:
    """llmtrace with an exporter of LLM spans, and the provider with a processor for those of the other."""
    exporter = {"BACKEND": "benchmarks.discard.Discard", "SPANS": "llm"}
    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["llmtrace"],
        LLMTRACE={"EXPORTERS": [exporter]},
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[],
        USE_TZ=True,
    )
    django.setup()


def sync_rounds() -> dict[str, Callable[[int], None]]:
    """For each variant a function that answers so many requests, through Django's sync handler."""
    from django.core.handlers.base import BaseHandler
    from django.test import RequestFactory

    def prepared(middleware: list[str]) -> Callable[[int], None]:
        settings.MIDDLEWARE = middleware
        handler: Any = BaseHandler()
        handler.load_middleware()
        make = RequestFactory()

        def answer(count: int) -> None:
            settings.MIDDLEWARE = middleware  # llmtrace looks there for the other
            for _ in range(count):
                handler.get_response(make.get("/sync/")).close()

        return answer

    return {name: prepared(middleware) for name, middleware in MIDDLEWARE.items()}


def async_rounds() -> dict[str, Callable[[int], None]]:
    """The same through Django's async handler."""
    from django.core.handlers.base import BaseHandler
    from django.test import AsyncRequestFactory

    def prepared(middleware: list[str]) -> Callable[[int], None]:
        settings.MIDDLEWARE = middleware
        handler: Any = BaseHandler()
        handler.load_middleware(is_async=True)
        make = AsyncRequestFactory()

        async def answer(count: int) -> None:
            settings.MIDDLEWARE = middleware
            for _ in range(count):
                (await handler.get_response_async(make.get("/async/"))).close()

        return lambda count: asyncio.run(answer(count))

    return {name: prepared(middleware) for name, middleware in MIDDLEWARE.items()}


def measured(rounds: dict[str, Callable[[int], None]], repeat: int, count: int) -> dict[str, float]:
    """Microseconds a request of each variant."""

    def once(name: str) -> float:
        gc.collect()
        begun = time.process_time()
        rounds[name](count)
        return (time.process_time() - begun) / count * 1e6

    return {name: statistics.median(values) for name, values in in_turns(rounds, once, repeat).items()}


def show(title: str, figures: dict[str, float]) -> None:
    """Print what each takes and adds, and llmtrace's share of what the other adds."""
    print(f"\n{title:24}{'all µs':>10}{'added':>10}")
    for name, value in figures.items():
        print(f"{name:24}{value:10.1f}{value - figures[BARE]:10.1f}")
    ratio = (figures[OURS] - figures[BARE]) / (figures[THEIRS] - figures[BARE])
    print(f"added by llmtrace, by OpenTelemetry's = 1: {ratio:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=200)
    arguments = parser.parse_args()
    configure()
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from benchmarks.discard import Discard
    from llmtrace.tracing.setup import connect

    provider: Any = connect()
    provider.add_span_processor(BatchSpanProcessor(Discard()))
    DjangoInstrumentor().instrument(tracer_provider=provider)
    show("a request, sync", measured(sync_rounds(), arguments.rounds, arguments.requests))
    show("a request, async", measured(async_rounds(), arguments.rounds, arguments.requests))


if __name__ == "__main__":
    main()
