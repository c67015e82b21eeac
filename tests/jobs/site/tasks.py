"""The host's jobs. Each does a little work under a span of the host's own, as an instrumented library would."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from typing import Any, Final

from celery import Task, shared_task
from celery.exceptions import Ignore, Reject
from opentelemetry import baggage, trace

from llmtrace import LLM, Stream
from llmtrace.tracing.setup import flush
from tests.jobs.site.crowd import CROWD
from tests.jobs.site.settings import FOLDER
from tests.waiting import until

NEEDED: Final = ("llmtrace.providers.openai_sdk", "genai_prices.data")


def work(name: str) -> None:
    """Leave a span below whatever is current, which says of its process what a call would find loaded."""
    loaded = [module for module in NEEDED if module in sys.modules]
    seen: dict[str, Any] = {"process.pid": os.getpid(), "loaded": loaded}
    trace.get_tracer("host").start_span(f"work of {name}", attributes=seen).end()


@shared_task
def add(x: int, y: int) -> int:
    work("add")
    return x + y


@shared_task(bind=True)
def tell(self: Task[Any, Any]) -> None:
    """Leave a span that says with which header and priority the job came."""
    headers, delivery = self.request.headers or {}, self.request.delivery_info or {}
    seen = {"tenant": headers["tenant"], "priority": delivery["priority"]}
    trace.get_tracer("host").start_span("seen", attributes=seen).end()


@shared_task(llmtrace_relation="link")  # type: ignore[call-overload, untyped-decorator]  # an option of llmtrace's
def apart() -> None:
    work("apart")


@shared_task
def quiet() -> None:
    """Has no span by the settings; what it does and sends has."""
    work("quiet")
    add.delay(1, 1)


@shared_task
def total(numbers: list[int]) -> int:
    work("total")
    return sum(numbers)


@shared_task
def outer() -> None:
    add.delay(1, 1)


@shared_task
def call() -> str:
    """One whole answer, and one that is read to its first chunk and left open."""
    trace.get_tracer("host").start_span("seen", attributes={"tenant": str(baggage.get_baggage("tenant"))}).end()
    streamed = LLM().stream("Tell me more")
    next(iter(streamed))
    opened.append(streamed)
    return LLM().chat("Recommend a book").text


opened: list[Stream[None]] = []


class Unsteady(Exception):
    """What a service says that works the third time."""


@shared_task(bind=True, default_retry_delay=0)
def again(self: Task[Any, Any]) -> str:
    if self.request.retries < 2:
        raise self.retry(exc=Unsteady(f"no answer to attempt {self.request.retries + 1}"))
    return "done"


@shared_task(bind=True, default_retry_delay=0)
def overlap(self: Task[Any, Any]) -> None:
    """The first attempt goes on until the second has ended its work."""
    over = FOLDER / f"over-{self.request.id}"
    if self.request.retries:
        work("attempt 2")
        over.touch()
        return
    try:
        raise self.retry()
    finally:
        while not over.exists():
            time.sleep(0.01)
        work("attempt 1")


@shared_task(bind=True, autoretry_for=(Unsteady,), retry_backoff=True, retry_backoff_max=1, max_retries=5)
def steady_at_third(self: Task[Any, Any]) -> str:
    work("steady_at_third")
    if self.request.retries < 2:
        raise Unsteady(f"no answer to attempt {self.request.retries + 1}")
    return "steady"


@shared_task
def fail() -> None:
    raise LookupError("the order is gone")


@shared_task(throws=(KeyError,))
def fail_as_expected() -> None:
    raise KeyError("known")


@shared_task
def ignore() -> None:
    raise Ignore


@shared_task
def reject() -> None:
    raise Reject("not for me", requeue=False)


@shared_task
def hang() -> None:
    """Ask a model that does not answer."""
    LLM().chat("Are you there?")


@shared_task
def hang_deaf() -> None:
    """The same in code that does not hear when the process is told to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with trace.get_tracer("host").start_as_current_span("step"):
        LLM().chat("Are you there?")


@shared_task
def crowd_deaf() -> None:
    """The same with many spans open, one below the other and side by side. One has ended below each, and is sent."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tracer = trace.get_tracer("host")
    with ExitStack() as nested:
        for _ in range(CROWD):
            nested.enter_context(tracer.start_as_current_span("step"))
            tracer.start_span("done").end()
        for side in [tracer.start_span("side") for _ in range(CROWD)]:
            tracer.start_span("done", trace.set_span_in_context(side)).end()
        flush(60)
        LLM().chat("Are you there?")


@shared_task
def idle_deaf() -> None:
    """The same without a span of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Event().wait()


@shared_task(acks_late=True, reject_on_worker_lost=True)
def die_once() -> None:
    """Be killed in a call of a model, as the kernel kills when memory is short; the second time live."""
    died = FOLDER / "died"
    if not died.exists():
        died.touch()
        (FOLDER / "hanging").unlink(missing_ok=True)
        threading.Thread(target=kill_once_it_asks, daemon=True).start()
        LLM().chat("Are you there?")


def kill_once_it_asks() -> None:
    """Kill this process when the model has its question."""
    until((FOLDER / "hanging").exists, "the job waits for its model", 30)
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task
def tick(burst: str) -> None:
    """Count itself: one byte in a file, which the operating system appends whole."""
    work("tick")
    with open(FOLDER / burst, "ab") as counted:
        os.write(counted.fileno(), b".")
