"""One marked span through the filters and the exporter of each entry of ``EXPORTERS``, and what became of it.

Each exporter is made anew for it: the pipes of the process, their spool and their ledger have no part in it.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, TraceFlags

from llmtrace import semconv
from llmtrace.conf import Config, ExporterConfig, Problem
from llmtrace.exporters.answers import Busy, NeedsPerson, TimedOut, Unreachable
from llmtrace.jsontext import printable
from llmtrace.masking import masked
from llmtrace.pipeline.build import common_filters, filters_of, load_exporter, why_not_made
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.filtering import Filter, Lost, passed
from llmtrace.pipeline.outcome import Exported, RetryLater, says_no, says_yes
from llmtrace.tracing.setup import SCOPE, resource_of

Outcome = Literal["accepted", "left out", "refused", "unreachable", "timed out", "failed"]

NAME: Final = "llmtrace test"
MARK: Final = "llmtrace.test"
MODEL: Final = "llmtrace-test"
TOOK_NS: Final = 1_000_000
ITS_LOG: Final = "its own log may say why"
LATER: Final = f"spans wait and are offered again; where that lasts, {ITS_LOG}"


@dataclass(frozen=True)
class Trial:
    """What became of the span at one exporter.

    Args:
        exporter: its name.
        outcome: in a word; see `ok`.
        detail: what there is to say beside it, and what to do; never a secret.
        seconds: how long it took.
    """

    exporter: str
    outcome: Outcome
    detail: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether that is what the settings ask for: also where a filter of theirs leaves the span out."""
        return self.outcome in ("accepted", "left out")


def run(config: Config, span: EndedSpan, names: Sequence[str], timeout: float) -> list[Trial]:
    """Give `span` to all exporters at once, or to those of these names.

    Args:
        config: the settings.
        span: see `marked_span`.
        names: none for all.
        timeout: seconds after which an exporter is not waited for any longer.
    """
    common = common_filters(config)
    trials = [_Running(entry, common, span) for entry in config.exporters if not names or entry.name in names]
    for trial in trials:
        trial.thread.start()
    deadline = time.monotonic() + timeout
    return [trial.result(deadline, timeout) for trial in trials]


class _Running:
    def __init__(self, entry: ExporterConfig, common: list[Filter] | None, span: EndedSpan) -> None:
        self.entry = entry
        self.thread = threading.Thread(target=self._run, args=(common, span), daemon=True)
        self._trial: Trial | None = None

    def _run(self, common: list[Filter] | None, span: EndedSpan) -> None:
        began = time.monotonic()
        try:
            with suppress_instrumentation():
                outcome, detail = _tried(self.entry, common, span)
        except BaseException as error:  # in this thread an exit is a mistake like others
            outcome, detail = "failed", f"{type(error).__qualname__} was raised"
        self._trial = Trial(self.entry.name, outcome, printable(masked(detail)), time.monotonic() - began)

    def result(self, deadline: float, timeout: float) -> Trial:
        """What came of it by `deadline`, in seconds of `time.monotonic`."""
        self.thread.join(max(0.0, deadline - time.monotonic()))
        return self._trial or Trial(self.entry.name, "timed out", f"no answer within {timeout:g} s", timeout)


def marked_span(config: Config) -> EndedSpan:
    """A span like that of a call, which says in its name, its model and an attribute that it is a test."""
    attributes: dict[str, Any] = {
        semconv.OPERATION: "chat",
        semconv.PROVIDER: "llmtrace",
        semconv.REQUEST_MODEL: MODEL,
        semconv.RESPONSE_MODEL: MODEL,
        MARK: True,
    }
    if config.capture_content:
        attributes[semconv.INPUT_MESSAGES] = [_message("user", "Does this span arrive?")]
        attributes[semconv.OUTPUT_MESSAGES] = [_message("assistant", "It does where you can read this.")]
    now, flags = time.time_ns(), TraceFlags(TraceFlags.SAMPLED)
    ids = random.SystemRandom()
    context = SpanContext(ids.getrandbits(128) or 1, ids.getrandbits(64) or 1, is_remote=False, trace_flags=flags)
    scope, resource = InstrumentationScope(SCOPE), resource_of(config)
    kind = SpanKind.CLIENT
    return EndedSpan(NAME, context, None, resource, attributes, (), (), kind, None, Status(), now - TOOK_NS, now, scope)


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _tried(entry: ExporterConfig, common: list[Filter] | None, span: EndedSpan) -> tuple[Outcome, str]:
    found = load_exporter(entry)
    if isinstance(found, Problem):
        return "failed", str(found)
    filters = filters_of(entry, found, common)
    if filters is None:
        return "failed", "a filter could not be made, and nothing passes without it: see manage.py check and the log"
    filtered = passed(span, [*filters.common, *filters.own])
    if filtered is Lost.LEFT_OUT:
        return "left out", "a filter of the settings leaves it out"
    if not isinstance(filtered, EndedSpan):
        return "failed", "a filter raised, so that its spans go nowhere: see the log"
    return _sent(found, entry, filtered)


def _sent(found: Callable[..., Any], entry: ExporterConfig, span: EndedSpan) -> tuple[Outcome, str]:
    try:
        exporter = found(**entry.options)
    except Exception as error:
        return "failed", f"the exporter could not be made: {why_not_made(error)}"
    try:
        if isinstance(exporter, SpanProcessor):
            exporter.on_end(span.for_export())
            done = exporter.force_flush() is not False
            return ("accepted", "by a span processor, which says no more") if done else ("timed out", "in its flush")
        structured = getattr(found, "structured_content", False)
        return _outcome(exporter.export([span if structured else span.for_export()]))
    except RetryLater as later:
        return _kind(later), f"{later.reason}: {LATER}" if isinstance(later, Busy) else later.reason
    finally:
        with contextlib.suppress(Exception):  # what became of the span is known by then
            exporter.shutdown()


def _outcome(result: Any) -> tuple[Outcome, str]:
    if says_no(result):
        return "refused", f"the exporter answered FAILURE: {ITS_LOG}"
    if isinstance(result, Exported) and result.refused:
        return "refused", f"{', '.join(result.refused)}: {ITS_LOG}"
    if not isinstance(result, Exported) and not says_yes(result):
        return "accepted", "by an exporter that does not say whether it has arrived"
    return "accepted", ""


def _kind(later: RetryLater) -> Outcome:
    if isinstance(later, TimedOut):
        return "timed out"
    if isinstance(later, Unreachable):
        return "unreachable"
    return "refused" if isinstance(later, (Busy, NeedsPerson)) else "failed"
