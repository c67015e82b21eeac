"""Where workers begin and end: calls are made ready, and what others have left or they have traced is sent."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from billiard.util import set_pdeathsig  # type: ignore[attr-defined]  # the stubs do not have it
from celery import signals

from llmtrace.mistakes import guarded
from llmtrace.tracing.cut_off import watch_children
from llmtrace.tracing.exits import leave, send_all
from llmtrace.tracing.setup import begin

UID: Final = "llmtrace.jobs.worker"
CALLS: Final = "llmtrace.calls"
AHEAD: Final = "llmtrace.calls.ahead"
NO_SIGNAL: Final = 0


@guarded("What calls need could not be loaded.", "the first call loads it")
def _beginning(**_: Any) -> None:
    """The main process, with the project's tasks imported and before the pool forks."""
    watch_children()
    if CALLS in sys.modules:  # a project that makes no calls does without
        import_module(AHEAD).load()


def _ready(**_: Any) -> None:
    begin()


def _child_ending(**_: Any) -> None:
    """A pool's child, which leaves by ``os._exit`` past all exit handlers.

    Celery has it killed when its parent ends, and to Linux that is the thread that forked it. With brokers that have no
    event loop this thread ends first, while the main process waits for its children.
    """
    with suppress(OSError):  # not on Linux
        set_pdeathsig(NO_SIGNAL)
    leave()


def _ending(**_: Any) -> None:
    """The worker's main process."""
    if threading.current_thread() is threading.main_thread():
        leave()
    else:  # a worker within a process that goes on, as in tests
        send_all()


def connect() -> None:
    """Make calls ready and take over what dead processes have left when a worker begins; send the rest when it ends."""
    signals.worker_init.connect(_beginning, weak=False, dispatch_uid=UID)
    signals.worker_ready.connect(_ready, weak=False, dispatch_uid=UID)
    signals.worker_process_shutdown.connect(_child_ending, weak=False, dispatch_uid=UID)
    signals.worker_shutdown.connect(_ending, weak=False, dispatch_uid=UID)


def disconnect() -> None:
    """Leave Celery as it was."""
    signals.worker_init.disconnect(_beginning, dispatch_uid=UID)
    signals.worker_ready.disconnect(_ready, dispatch_uid=UID)
    signals.worker_process_shutdown.disconnect(_child_ending, dispatch_uid=UID)
    signals.worker_shutdown.disconnect(_ending, dispatch_uid=UID)
