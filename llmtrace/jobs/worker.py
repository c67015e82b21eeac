"""Where workers begin and end: what others have left is sent, and what they have traced before they are gone."""

from __future__ import annotations

from typing import Any, Final

from celery import signals

from llmtrace.tracing.exits import send_all
from llmtrace.tracing.setup import begin

UID: Final = "llmtrace.jobs.worker"
ENDS: Final = (signals.worker_process_shutdown, signals.worker_shutdown)
"""The end of a pool's child, which leaves by ``os._exit`` past all exit handlers, and of the worker's main process."""


def _ready(**_: Any) -> None:
    begin()


def _ending(**_: Any) -> None:
    send_all()


def connect() -> None:
    """Take over what dead processes have left when a worker begins; send what is left when it or a child ends."""
    signals.worker_ready.connect(_ready, weak=False, dispatch_uid=UID)
    for signal in ENDS:
        signal.connect(_ending, weak=False, dispatch_uid=UID)


def disconnect() -> None:
    """Leave Celery as it was."""
    signals.worker_ready.disconnect(_ready, dispatch_uid=UID)
    for signal in ENDS:
        signal.disconnect(_ending, dispatch_uid=UID)
