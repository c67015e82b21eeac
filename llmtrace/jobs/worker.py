"""Where workers end: what they have traced is sent before they are gone."""

from __future__ import annotations

from typing import Any, Final

from celery import signals

from llmtrace.tracing.exits import send_all

UID: Final = "llmtrace.jobs.worker"
ENDS: Final = (signals.worker_process_shutdown, signals.worker_shutdown)
"""The end of a pool's child, which leaves by ``os._exit`` past all exit handlers, and of the worker's main process."""


def _ending(**_: Any) -> None:
    send_all()


def connect() -> None:
    """Send what is left when a worker or a child of its pool ends."""
    for signal in ENDS:
        signal.connect(_ending, weak=False, dispatch_uid=UID)


def disconnect() -> None:
    """Leave Celery as it was."""
    for signal in ENDS:
        signal.disconnect(_ending, dispatch_uid=UID)
