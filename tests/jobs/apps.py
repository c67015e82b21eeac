"""A Celery application inside the test's own process, on a broker in memory."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.app.trace import trace_task
from kombu.message import Message
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from llmtrace import semconv
from tests.recorded import Recorded


class Jobs:
    """An application, what it has sent, and a way to run it as a worker does, without one."""

    def __init__(self) -> None:
        self.queue = f"unit-{uuid.uuid4().hex}"  # kombu's memory is shared by all applications of a process
        self.app = Celery("unit", broker="memory://", backend="cache+memory://", set_as_current=False)
        self.app.conf.update(task_default_queue=self.queue, task_publish_retry=False)

    def task(self, name: str, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """Celery's decorator, for a task of this application alone."""
        decorator: Callable[[Callable[..., Any]], Any] = self.app.task(name=name, shared=False, **options)
        return decorator

    def simple(self, name: str, does: Callable[[], Any] = lambda: None) -> Any:
        """A task that calls `does`."""

        def run() -> Any:
            return does()

        return self.task(name)(run)

    def messages(self) -> list[Message]:
        """What was sent since the last time."""
        found = []
        with self.app.connection_for_read() as connection:
            queue = self.app.amqp.queues[self.queue](connection.default_channel)
            while (message := queue.get(no_ack=True)) is not None:
                found.append(message)
        return found

    def message(self) -> Message:
        """The one message that was sent."""
        (found,) = self.messages()
        return found

    def run(self, message: Message, **headers: Any) -> Any:
        """Run a message's job as a worker's child does; `headers` are put over the message's own."""
        args, kwargs, embedded = message.payload
        request = {
            **message.headers,
            **embedded,
            "is_eager": False,
            "delivery_info": {"exchange": "", "routing_key": self.queue},
            **headers,
        }
        task = self.app.tasks[message.headers["task"]]
        return trace_task(task, message.headers["id"], args, kwargs, request, app=self.app)

    def run_all(self) -> None:
        """Run what was sent, and what that sends."""
        while sent := self.messages():
            for message in sent:
                self.run(message)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """The span's attributes, none missing."""
    return dict(span.attributes or {})


def runs(recorded: Recorded) -> list[ReadableSpan]:
    """The attempts that have ended, by their number."""
    found = [span for span in recorded.all() if span.kind is SpanKind.CONSUMER]
    return sorted(found, key=lambda span: attributes(span)[semconv.JOB_ATTEMPT])
