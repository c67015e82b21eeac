"""Spans, and the settings that export them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import override_settings
from opentelemetry.trace import Span, SpanKind

from llmtrace.pipeline.fanout import fanout
from llmtrace.pipeline.ledger import Account
from llmtrace.tracing.setup import get_tracer


def span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: Any) -> Span:
    """A span that began and ended."""
    made = get_tracer("llmtrace.tests").start_span(name, kind=kind, attributes=attributes)
    made.end()
    return made


def entry(kind: str, name: str | None = None, **more: Any) -> dict[str, Any]:
    """An entry of ``EXPORTERS`` with a class of `tests.pipeline.exporters`; what is in lower case is an option."""
    options = {key: value for key, value in more.items() if key.islower()}
    keys = {key: value for key, value in more.items() if key.isupper()}
    return {"NAME": name or kind, "BACKEND": f"tests.pipeline.exporters.{kind}", "OPTIONS": options, **keys}


@contextmanager
def exporting(*entries: dict[str, Any], **settings: Any) -> Iterator[None]:
    """Spans go to these exporters for a while."""
    with override_settings(LLMTRACE={"EXPORTERS": list(entries), "EXIT_TIMEOUT": 1.0, **settings}):
        yield


def account(name: str) -> Account:
    """The numbers of one exporter."""
    return fanout.accounts()[name]


def balanced(numbers: Account) -> bool:
    """Whether each span that ended is sent, waiting, or dropped with a reason."""
    return numbers.ended == numbers.sent + numbers.waiting + sum(numbers.dropped.values())
