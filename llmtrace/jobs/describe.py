"""What a job is, as attributes: the same from a message's headers, where it is sent, and a request, where it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from celery.utils.time import maybe_make_aware

from llmtrace import semconv
from llmtrace.conf import get_config

SYSTEM: Final = "celery"
WRAPPERS: Final = ("celery.map", "celery.starmap", "celery.chunks")  # they run another task, named in their arguments
PLUMBING: Final = ("celery.chord_unlock",)  # polls, as a job, until a chord's header is done

_WAITS_IN_BROKER: Final = re.compile("(?:[01][.]){28}")
"""What a routing key begins with where RabbitMQ keeps a delay itself, as with quorum queues: its seconds, bit by bit
(``kombu.transport.native_delayed_delivery``)."""

IDS: Final = {
    semconv.MESSAGING_MESSAGE_ID: "id",
    semconv.JOB_ROOT_ID: "root_id",
    semconv.JOB_PARENT_ID: "parent_id",
    semconv.JOB_GROUP_ID: "group",
}


def real_name(name: str, kwargs: Any) -> str:
    """The name of the task that does the work: for ``starmap`` and ``chunks`` the one that was mapped."""
    if name in WRAPPERS and isinstance(kwargs, Mapping):
        task = kwargs.get("task")
        inner = task.get("task") if isinstance(task, Mapping) else None
        return inner if isinstance(inner, str) else name
    return name


def excluded(name: str) -> bool:
    """Whether jobs of this task get no span; what they call and send is traced all the same."""
    return name in PLUMBING or name in get_config().jobs.exclude


def job_attributes(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Who the job of a task is, from its message's headers by their names."""
    attributes: dict[str, Any] = {semconv.MESSAGING_SYSTEM: SYSTEM, semconv.CELERY_TASK: name}
    for attribute, fact in IDS.items():
        value = facts.get(fact)
        if isinstance(value, str) and value:
            attributes[attribute] = value
    attempt = attempt_of(facts.get("retries"))
    if attempt is not None:
        attributes[semconv.JOB_ATTEMPT] = attempt
    return attributes


def attempt_of(retries: Any) -> int | None:
    """1 for the first attempt of a job; None where the message says nothing that is a number."""
    if retries is None:
        return 1
    return retries + 1 if isinstance(retries, int) and retries >= 0 else None


def queue_of(routing_key: str) -> str:
    """The queue by a message's routing key, which is its name in most projects; also where the broker keeps a delay."""
    delayed = _WAITS_IN_BROKER.match(routing_key)
    return routing_key if delayed is None else routing_key[delayed.end() :]


def body_id(chord: Any) -> str | None:
    """The task id of a chord's body, from the signature that each task of its header carries."""
    options = chord.get("options") if isinstance(chord, Mapping) else None
    task_id = options.get("task_id") if isinstance(options, Mapping) else None
    return task_id if isinstance(task_id, str) and task_id else None


def seconds(eta: Any, timezone: Any) -> float | None:
    """A message's time to run at, in seconds since the epoch."""
    try:
        moment = datetime.fromisoformat(eta) if isinstance(eta, str) else eta
        return maybe_make_aware(moment, timezone).timestamp() if isinstance(moment, datetime) else None
    except (ValueError, OverflowError, TypeError, AttributeError):
        return None
