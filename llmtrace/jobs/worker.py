"""Where workers begin and end: calls are made ready, and what others have left or they have traced is sent."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from typing import Any, Final

from celery import signals

from llmtrace.mistakes import guarded
from llmtrace.tracing.cut_off import watch_children
from llmtrace.tracing.exits import leave, send_all
from llmtrace.tracing.setup import begin

UID: Final = "llmtrace.jobs.worker"
CALLS: Final = "llmtrace.calls"
AHEAD: Final = "llmtrace.calls.ahead"
ENDS: Final = (signals.worker_process_shutdown, signals.worker_shutdown)
"""The end of a pool's child, which leaves by ``os._exit`` past all exit handlers, and of the worker's main process."""


@guarded("What calls need could not be loaded.", "the first call loads it")
def _beginning(**_: Any) -> None:
    """The main process, with the project's tasks imported and before the pool forks."""
    watch_children()
    if CALLS in sys.modules:  # a project that makes no calls does without
        import_module(AHEAD).load()


def _ready(**_: Any) -> None:
    begin()


def _ending(**_: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        leave()
    else:  # a worker within a process that goes on, as in tests
        send_all()


def connect() -> None:
    """Make calls ready and take over what dead processes have left when a worker begins; send the rest when it ends."""
    signals.worker_init.connect(_beginning, weak=False, dispatch_uid=UID)
    signals.worker_ready.connect(_ready, weak=False, dispatch_uid=UID)
    for signal in ENDS:
        signal.connect(_ending, weak=False, dispatch_uid=UID)


def disconnect() -> None:
    """Leave Celery as it was."""
    signals.worker_init.disconnect(_beginning, dispatch_uid=UID)
    signals.worker_ready.disconnect(_ready, dispatch_uid=UID)
    for signal in ENDS:
        signal.disconnect(_ending, dispatch_uid=UID)
