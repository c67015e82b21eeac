"""Every situation that a job can be in, and where it is shown: the table of `docs/jobs.md`, and what the tests go by.

The id of a situation is the name of the page of `tests.jobs.site.views` that brings it about, and of the check in
`tests.jobs.checks` that looks at its trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

COLUMNS: Final = {
    "prefork-redis": "prefork, Redis",
    "prefork-rabbitmq": "prefork, RabbitMQ",
    "threads-redis": "threads",
    "gevent-redis": "gevent",
    "solo-redis": "solo",
}
"""Pool and broker of each worker that runs them all, and its heading."""

PASSED: Final = "✓"
NOT_ALONE: Final = "one job at a time"
NO_TERMINATE: Final = "the pool cannot end a job"
NO_LIMIT: Final = "the pool has no time limits"
NO_SOFT_LIMIT: Final = "the pool has no soft limit"
NO_CHILD: Final = "jobs run in the worker itself, which would be gone"


@dataclass(frozen=True, slots=True)
class Situation:
    """`spans` is how many attempts, and ends of jobs that were not run, its trace has and those linked to it have."""

    id: str
    title: str
    spans: int = 1
    not_in: Mapping[str, str] = field(default_factory=dict)  # a pool, and why the situation cannot be in it

    def reason(self, column: str) -> str | None:
        """Why it cannot be in this column; None if it can."""
        return self.not_in.get(column.split("-")[0])


_ONLY_PREFORK: Final = {"threads": NO_CHILD, "gevent": NO_CHILD, "solo": NO_CHILD}

SITUATIONS: Final = (
    Situation("delay", "`delay()` in a sync view"),
    Situation("delay_in_async_view", "`delay()` in an async view"),
    Situation("in_sync_to_async", "`delay()` in `sync_to_async`"),
    Situation("gathered", "`gather` over threads that each send a job", 3),
    Situation("on_commit", "`transaction.on_commit`"),
    Situation("delay_on_commit", "`delay_on_commit()`"),
    Situation("nested", "a job that sends a job", 2),
    Situation("send_task", "`send_task()` by name"),
    Situation("worker_only", "`send_task()` by a name that only the worker knows"),
    Situation("applied", "`apply()`"),
    Situation("always_eager", "`task_always_eager`"),
    Situation("headers", "headers and priority of the project's own"),
    Situation("attributes", "user, session, conversation, tags and the project's baggage"),
    Situation("a_chain", "chain", 3),
    Situation("a_group", "group", 3),
    Situation("a_chord", "chord", 4),
    Situation("a_starmap", "starmap"),
    Situation("a_chunks", "chunks", 2),
    Situation("nested_canvas", "a chain of a job, a group and a job", 4),
    Situation("retry", "`self.retry()`", 3),
    Situation("autoretry", "`autoretry_for` with back-off", 3),
    Situation("eager_retry", "an eager job that tries again", 3),
    Situation("overlapping", "attempt 2 that starts before attempt 1 has ended", 2, {"solo": NOT_ALONE}),
    Situation("failure", "failure"),
    Situation("throws", "an exception in `Task.throws`"),
    Situation("ignored", "`Ignore`"),
    Situation("rejected", "`Reject`"),
    Situation("revoked", "revoked before its start"),
    Situation("expired", "expired"),
    Situation("unknown", "unknown task"),
    Situation("terminated", "revoked with terminate", 2, {"threads": NO_TERMINATE, "solo": NO_TERMINATE}),
    Situation("hard_limit", "hard time limit", 2, {"threads": NO_LIMIT, "solo": NO_LIMIT}),
    Situation("soft_limit", "soft time limit", 1, {"threads": NO_LIMIT, "gevent": NO_SOFT_LIMIT, "solo": NO_LIMIT}),
    Situation("later", "countdown and eta", 2),
    Situation("unsendable", "a message that cannot be sent", 0),
    Situation("waited_for", "`AsyncResult.get()`"),
    Situation("linked", "relation link, of one task"),
    Situation("linked_after", "a delay beyond `LINK_AFTER`"),
    Situation("excluded", "a task in `EXCLUDE`"),
    Situation("by_beat", "beat"),
    Situation("lost", "a process that is killed in a job, with `acks_late`", 2, _ONLY_PREFORK),
)
"""In the order of the table."""


def table(outcome: Callable[[Situation, str], str] = lambda situation, column: PASSED) -> str:
    """Situations and pools as Markdown; `outcome` says how a situation went in a column in which it can be."""
    notes: dict[str, str] = {}
    rows = []
    for situation in SITUATIONS:
        cells = []
        for column in COLUMNS:
            reason = situation.reason(column)
            cells.append(outcome(situation, column) if reason is None else notes.setdefault(reason, _note(len(notes))))
        rows.append(f"| {situation.title} | {' | '.join(cells)} |")
    head = ["| situation | " + " | ".join(COLUMNS.values()) + " |", "|---|" + ":-:|" * len(COLUMNS)]
    said = "; ".join(f"{note} {reason}" for reason, note in notes.items())
    return "\n".join([*head, *rows, "", f"✓ shown by a test; {said}."])


def _note(number: int) -> str:
    return "¹²³⁴⁵⁶⁷⁸⁹"[number]
