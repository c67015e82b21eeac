"""Tracer providers as hosts make them, with an exporter of their own."""

from __future__ import annotations

from typing import Final

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

memory: Final = InMemorySpanExporter()
provider: Final = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(memory))

unsampled: Final = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)


def made() -> TracerProvider:
    """The same, from a function."""
    return provider


built: Final[list[TracerProvider]] = []


def build() -> TracerProvider:
    """Another one each time."""
    built.append(TracerProvider(shutdown_on_exit=False))
    return built[-1]
