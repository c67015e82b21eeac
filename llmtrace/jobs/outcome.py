"""How an attempt of a job ended: its state, and what it raised."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final

from celery import states
from celery.exceptions import Ignore, Reject, Retry

TERMINATED: Final = "TERMINATED"  # our word: the process was told to end, and only the worker's main process knows why
TOLD_TO_END: Final = range(-255, -191)  # -(256 - signal), the code that a pool's child exits with (billiard.common)

_PREDICATES: Final = ((Retry, states.RETRY), (Reject, states.REJECTED), (Ignore, states.IGNORED))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state of an attempt in Celery's words, what it raised, and whether that is an error."""

    state: str
    exception: BaseException | None = None
    error: bool = False
    raised_at: TracebackType | None = field(default=None, compare=False)  # for an exception that was never raised


_SUCCESS: Final = Outcome(states.SUCCESS)  # how nearly all attempts end


def outcome_of(state: str | None, value: Any, raised: BaseException | None, throws: tuple[type, ...]) -> Outcome:
    """Tell how an attempt ended.

    Args:
        state: as ``task_postrun`` has it; None when an exception left the task without Celery having handled it.
        value: as ``task_postrun`` has it: the result, or the exception of a state that has one.
        raised: the exception that is on its way out of the task now.
        throws: the task's ``throws``: exceptions that its author expects.
    """
    if raised is not None:
        return _unhandled(raised, throws)
    if state == states.SUCCESS:
        return _SUCCESS
    exception = value if isinstance(value, BaseException) else None
    if state == states.RETRY and isinstance(exception, Retry):
        return Outcome(states.RETRY, _cause(exception), raised_at=exception.__traceback__)
    if state == states.REJECTED:
        reason = getattr(exception, "reason", None)
        return Outcome(states.REJECTED, reason if isinstance(reason, BaseException) else None)
    if state == states.IGNORED:
        return Outcome(states.IGNORED)
    return Outcome(state or states.FAILURE, exception, state == states.FAILURE and not isinstance(exception, throws))


def _unhandled(raised: BaseException, throws: tuple[type, ...]) -> Outcome:
    """An eager job hands its exception to its caller; a process that is told to end unwinds with SystemExit."""
    for predicate, state in _PREDICATES:
        if isinstance(raised, predicate):
            return outcome_of(state, raised, None, throws)
    if told_to_end(raised):
        return Outcome(TERMINATED, raised, True)
    return Outcome(states.FAILURE, raised, not isinstance(raised, throws))


def told_to_end(raised: BaseException) -> bool:
    """Whether an exception is how a pool ends a job.

    That is the exit of prefork's child or of gevent's greenlet, or gevent's timeout at a hard time limit.
    """
    if isinstance(raised, SystemExit):
        return raised.code in TOLD_TO_END
    name = type(raised).__name__  # gevent need not be there
    return name == "GreenletExit" or (name == "Timeout" and type(raised).__module__ == "gevent.timeout")


def _cause(retry: Retry) -> BaseException | None:
    """What made the task try again: what it named, else what it was handling."""
    cause = retry.exc or retry.__cause__ or retry.__context__
    return cause if isinstance(cause, BaseException) else None
