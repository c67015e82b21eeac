"""Gunicorn's configuration for a host that has OpenTelemetry of its own, whose provider is made in each worker."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

preload_app = True
DjangoInstrumentor().instrument()


def post_fork(server: Any, worker: Any) -> None:
    """What OpenTelemetry's documentation says of servers that fork."""
    trace.set_tracer_provider(TracerProvider(resource=Resource.create({"service.name": "the host's"})))
