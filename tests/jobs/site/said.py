"""Jobs that say secrets wherever a job can say something, and the pages that send them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Final, cast

from celery import Task, current_app, shared_task
from celery.exceptions import Reject
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.span import TraceState

from llmtrace import trace_attributes
from tests.filters.secrets import TOKENS, Planted
from tests.jobs.planting import FEW, OPEN, QUIET, secrets
from tests.jobs.site.settings import FOLDER


class Said(Exception):
    """What has all that it was told in its arguments."""

    def __init__(self, said: str, more: Mapping[str, Any]) -> None:
        super().__init__(said, more)


@shared_task(bind=True, default_retry_delay=0, max_retries=1)
def fail(self: Task[Any, Any], said: str, *, more: str) -> None:
    """Report, ask for another attempt, and fail in that."""
    self.update_state(state="PROGRESS", meta={"said": said})
    if not self.request.retries:
        raise self.retry(exc=Said(said, {"more": more}))
    try:
        raise ValueError(said)
    except ValueError as cause:
        error = Said(said, {"more": more})
        error.add_note(said)
        raise error from cause


@shared_task
def give(said: str, more: str = "") -> dict[str, str]:
    """Have it as the result."""
    return {"said": said, "more": more}


@shared_task(throws=(KeyError,))
def expected(said: str) -> None:
    raise KeyError(said)


@shared_task(acks_late=True)
def reject(said: str) -> None:
    raise Reject(ValueError(said), requeue=False)


@shared_task
def end(said: str) -> None:
    """Be told to end, in the words of whoever tells."""
    raise SystemExit(said)


@shared_task
def stay(said: list[str]) -> None:
    """Keep spans open until the test has seen them."""
    tracer = trace.get_tracer("host")
    with ExitStack() as open_spans:
        for each in said[:OPEN]:
            with trace_attributes(user_id=each, session_id=each, conversation_id=each):
                open_spans.enter_context(tracer.start_as_current_span(f"work {each}", attributes={"what": each}))
        while not (FOLDER / "seen").exists():
            time.sleep(0.01)


OTHERS: Final[tuple[Callable[[str], object], ...]] = (
    lambda text: cast("Any", give).apply_async((text,), {"more": QUIET}, headers={"said": QUIET}, parent_id=text),
    lambda text: give.apply_async((text,), expires=-1),
    lambda text: expected.delay(text),
    lambda text: reject.delay(text),
    lambda text: current_app.send_task(f"shop.{text}", (text,), headers={"said": text}, group_id=text),
)


def say() -> None:
    """For each of the texts send a job that fails, and in turn one that ends in another way; all goes with them."""
    for number, each in enumerate(secrets()):
        text = each.text
        carried = baggage.set_baggage("said", text, _strangers(each))
        token = otel_context.attach(baggage.set_baggage("more", QUIET, carried))
        with trace_attributes(user_id=text, session_id=text, conversation_id=text, tags=[text], metadata={text: text}):
            cast("Any", fail).apply_async((text,), {"more": text}, headers={"said": text}, shadow=text, root_id=text)
            OTHERS[number % len(OTHERS)](text)
            if number < FEW:
                end.delay(text)
        otel_context.detach(token)


def say_for_long() -> None:
    stay.delay([each.text for each in secrets()])


def _strangers(each: Planted) -> otel_context.Context:
    """A span of somebody who has the secret in the state of the trace, where W3C's rules let it be."""
    fits = each.kind in TOKENS and len(each.secret) <= 256 and not {",", "="} & set(each.secret)
    state = TraceState([("said", each.secret)] if fits else [])
    remote = SpanContext(uuid.uuid4().int, uuid.uuid4().int >> 64, True, TraceFlags(1), state)
    return trace.set_span_in_context(NonRecordingSpan(remote))
