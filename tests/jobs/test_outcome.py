"""How an attempt ended, from what Celery says about it."""

from __future__ import annotations

import pytest
from celery.exceptions import Ignore, Reject, Retry

from llmtrace.jobs.outcome import Outcome, outcome_of

BROKEN = LookupError("gone")


def raised_while_handling(cause: Exception) -> Retry:
    """A retry as `self.retry()` raises it in an except block."""
    try:
        try:
            raise cause
        except Exception:
            raise Retry from None
    except Retry as retry:
        return retry


@pytest.mark.parametrize(
    ("state", "value", "raised", "outcome"),
    [
        ("SUCCESS", 3, None, Outcome("SUCCESS")),
        ("SUCCESS", BROKEN, None, Outcome("SUCCESS")),
        ("FAILURE", BROKEN, None, Outcome("FAILURE", BROKEN, True)),
        ("FAILURE", KeyError, None, Outcome("FAILURE", None, True)),
        ("RETRY", Retry(exc=BROKEN), None, Outcome("RETRY", BROKEN)),
        ("RETRY", raised_while_handling(BROKEN), None, Outcome("RETRY", BROKEN)),
        ("RETRY", Retry("later"), None, Outcome("RETRY")),
        ("REJECTED", Reject("not now"), None, Outcome("REJECTED")),
        ("REJECTED", Reject(BROKEN), None, Outcome("REJECTED", BROKEN)),
        ("IGNORED", Ignore(), None, Outcome("IGNORED")),
        (None, None, None, Outcome("FAILURE")),
        (None, None, BROKEN, Outcome("FAILURE", BROKEN, True)),
        (None, None, Retry(exc=BROKEN), Outcome("RETRY", BROKEN)),
        ("SUCCESS", 3, BROKEN, Outcome("FAILURE", BROKEN, True)),
    ],
)
def test_an_outcome_says_state_exception_and_whether_it_is_an_error(
    state: str | None, value: object, raised: BaseException | None, outcome: Outcome
) -> None:
    assert outcome_of(state, value, raised, (KeyError,)) == outcome


def test_an_exception_that_the_task_names_in_throws_is_no_error() -> None:
    expected = KeyError("known")
    for ended in (outcome_of("FAILURE", expected, None, (KeyError,)), outcome_of(None, None, expected, (KeyError,))):
        assert ended == Outcome("FAILURE", expected)


def test_a_process_that_is_told_to_end_is_told_apart_from_a_task_that_exits() -> None:
    told, own = SystemExit(-(256 - 15)), SystemExit(1)
    assert outcome_of(None, None, told, ()) == Outcome("TERMINATED", told, True)
    assert outcome_of(None, None, own, ()) == Outcome("FAILURE", own, True)


def test_a_greenlet_that_its_pool_ends_is_told_apart_from_a_timeout_of_the_tasks_own() -> None:
    limit = type("Timeout", (BaseException,), {"__module__": "gevent.timeout"})()
    own = type("Timeout", (Exception,), {"__module__": "shop"})()
    assert outcome_of(None, None, limit, ()) == Outcome("TERMINATED", limit, True)
    assert outcome_of(None, None, own, ()) == Outcome("FAILURE", own, True)
