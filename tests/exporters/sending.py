"""Batches for an OTLP receiver, and what the exporter says of one that cannot go now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.exporters import OTLP
from llmtrace.pipeline.outcome import RetryLater
from tests.servers.otlp import SECRET, Receiver
from tests.store.making import ended

KEY: Final = "sk-in-the-headers"


def exporting_to(receiver: Receiver, protocol: str, **options: Any) -> OTLP:
    endpoint = receiver.grpc_url if protocol == "grpc" else receiver.url
    return OTLP(endpoint, protocol=protocol, headers={"Authorization": KEY}, **options)  # type: ignore[arg-type]


def batch(count: int = 8, *bad: int, size: int = 0) -> list[ReadableSpan]:
    """That many spans, of which those at the places `bad` are named so; `size` is the length of a text in each."""
    attributes = {"text": "x" * size, "answer": 42}
    return [ended(attributes, name=f"{'bad' if index in bad else 'span'} {index}") for index in range(count)]


def names(spans: Sequence[ReadableSpan]) -> list[str]:
    return [each.name for each in spans]


def later(exporter: OTLP, spans: Sequence[ReadableSpan]) -> RetryLater:
    """What the exporter says when it cannot send these now. No secret is ever part of it."""
    with pytest.raises(RetryLater) as raised:
        exporter.export(spans)
    assert KEY not in str(raised.value)
    assert SECRET not in str(raised.value)
    return raised.value
