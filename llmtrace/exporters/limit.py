"""A limit of time for what has none of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from opentelemetry.instrumentation.utils import suppress_instrumentation

from llmtrace.exporters.answers import TimedOut

GRACE_S: Final = 0.5  # for the work to notice by itself, in better words, that its time is over
MOST: Final = 4  # pieces of work that may hang at a time

T = TypeVar("T")


class Limit(Generic[T]):
    """Runs work in a thread of its own and leaves it behind when it takes too long.

    A socket's timeout begins anew with each byte that a server lets drip, and looking up a name knows none at all.
    """

    def __init__(self) -> None:
        self._hanging: list[threading.Thread] = []

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """What `work` returns or raises.

        Raises:
            TimedOut: it takes longer than `seconds` and half a second.
        """
        self._hanging = [thread for thread in self._hanging if thread.is_alive()]
        if len(self._hanging) >= MOST:
            raise TimedOut("earlier requests to the backend still hang")
        result: list[T] = []
        raised: list[BaseException] = []
        thread = threading.Thread(target=_run, args=(work, result, raised), name="llmtrace-request", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down
            _run(work, result, raised)
        else:
            thread.join(seconds + GRACE_S)
        if raised:
            raise raised[0]
        if not result:
            self._hanging.append(thread)
            raise TimedOut(f"the backend has not answered within {seconds:.1f} s")
        return result[0]


def _run(work: Callable[[], Any], result: list[Any], raised: list[BaseException]) -> None:
    try:
        with suppress_instrumentation():
            result.append(work())
    except BaseException as error:
        raised.append(error)
