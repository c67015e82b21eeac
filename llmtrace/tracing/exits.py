"""The ends of a process that Python's own exit handlers do not see: what is still queued is sent before them."""

from __future__ import annotations

import _thread
import asyncio
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from types import FrameType, ModuleType
from typing import Any, Final

from wrapt import register_post_import_hook, wrap_function_wrapper

from llmtrace.conf import get_config
from llmtrace.mistakes import guarded
from llmtrace.tracing.scope import end_all

FANOUT: Final = os.path.join("llmtrace", "pipeline", "fanout.py")
WORKER: Final = os.path.join("llmtrace", "pipeline", "worker.py")
STREAM: Final = os.path.join("llmtrace", "calls", "stream.py")
POSTPONED_S: Final = 0.01
MOST_POSTPONED: Final = 50
MOST_ROUNDS: Final = 3  # of sending what threads that go on have ended while there was sent
ENDING_S: Final = 1.0  # what ending all that is open may take; it takes less than 1 ms for each
_MOMENTS: Final = {"on_start": FANOUT, "on_end": FANOUT, "_end": STREAM, "start": threading.__file__}
_FLUSHES: Final = {"hurry": WORKER, "wait_until_settled": WORKER}

_watching = False
_postponed = itertools.count()


def watch() -> None:
    """Send what is queued when the process is told to end. Safe to call again."""
    global _watching
    if _watching:
        return
    _watching = True
    register_post_import_hook(_watch_uvicorn, "uvicorn.server")
    if _nobody_handles_sigterm():
        signal.signal(signal.SIGTERM, _on_sigterm)


def _nobody_handles_sigterm() -> bool:
    """Whether SIGTERM kills the process, and a handler may be set: Apache's mod_wsgi does not want any."""
    if threading.current_thread() is not threading.main_thread() or "mod_wsgi" in sys.modules:
        return False
    return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    """Send, then end as if there were no handler. Told once more, it still sends what it can in its time."""
    if _is_in_between(frame) and next(_postponed) < MOST_POSTPONED:
        _thread.start_new_thread(_again, (number,))
        return
    signal.signal(number, signal.SIG_IGN)  # a supervisor and its process group may both tell
    try:
        _end_beside()
        send_all(hold=True)
    finally:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        _let_go()  # the first process of a container is not killed by it


def _is_in_between(frame: FrameType | None) -> bool:
    """Whether the signal has come while a stream ends, a span is handed on or a thread is started.

    The last two hold locks that sending needs, and all are over in a moment if they may go on. So is what a flush does
    between two waits: while it waits it holds none.
    """
    waits = False
    while frame is not None:
        code = frame.f_code
        waits = waits or (code.co_name == "wait" and code.co_filename == threading.__file__)
        if code.co_name in _MOMENTS and code.co_filename.endswith(_MOMENTS[code.co_name]):
            return True
        if not waits and code.co_name in _FLUSHES and code.co_filename.endswith(_FLUSHES[code.co_name]):
            return True
        frame = frame.f_back
    return False


def _again(number: int) -> None:
    time.sleep(POSTPONED_S)
    os.kill(os.getpid(), number)


@guarded("What was open at the end of the process could not be ended.")
def _end_beside() -> None:
    """End what is open in a thread of its own: the code that was interrupted may hold a lock that this needs."""
    ending = threading.Thread(target=end_all, daemon=True)
    ending.start()
    ending.join(ENDING_S)


def leave() -> None:
    """End what is open, and send what is queued: nothing of the process's own goes on."""
    end_all()
    send_all()


@guarded("What was queued at the end of the process could not be sent.")
def send_all(timeout: float | None = None, *, hold: bool = False) -> None:
    """Send what is queued, for at most `timeout` seconds, ``EXIT_TIMEOUT`` if None.

    With `hold` no thread begins or ends a span from then on: it waits for `_let_go`, or for the end of the process,
    which would come before what it has ended could be sent.
    """
    if "llmtrace.pipeline.fanout" not in sys.modules:  # nothing was ever traced, and this is no time for imports
        return
    from llmtrace.pipeline.fanout import fanout

    deadline = time.monotonic() + (get_config().exit_timeout if timeout is None else timeout)
    for _ in range(MOST_ROUNDS):
        fanout.close(max(0.0, deadline - time.monotonic()))
        if not fanout.is_open:
            break
    if hold and fanout.hold(max(0.0, deadline - time.monotonic())) and fanout.is_open:
        fanout.close(max(0.0, deadline - time.monotonic()))


@guarded("Threads that end spans could not go on.")
def _let_go() -> None:
    if "llmtrace.pipeline.fanout" in sys.modules:
        from llmtrace.pipeline.fanout import fanout

        fanout.let_go()


def _watch_uvicorn(module: ModuleType) -> None:
    """Uvicorn ends by raising its signal once more, under the handler of before its start: mostly there is none."""
    wrap_function_wrapper(module, "Server.shutdown", _shut_down)


async def _shut_down(shutdown: Callable[..., Awaitable[Any]], server: Any, args: Any, kwargs: Any) -> Any:
    try:
        return await shutdown(*args, **kwargs)
    finally:
        told = getattr(server, "_captured_signals", ())  # else the server was stopped, and its process may go on
        began = time.monotonic()
        await asyncio.to_thread(leave if told else send_all)
        if told:  # the signal comes next, without a turn for other tasks
            send_all(max(0.0, get_config().exit_timeout - (time.monotonic() - began)), hold=True)
            asyncio.get_running_loop().call_soon(_let_go)
