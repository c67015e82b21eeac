"""What the trace of each situation has to show: a check for each id of `tests.jobs.situations`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from llmtrace import semconv
from llmtrace.dashboard import trace as dashboard
from llmtrace.dashboard.chord import chord_of
from llmtrace.models import Span
from tests.jobs.traces import Trace, exception, states, task_of
from tests.servers import openai

TRACE_ATTRIBUTES: Final = {
    semconv.USER_ID: "7",
    semconv.SESSION_ID: "s-1",
    semconv.CONVERSATION_ID: "c-1",
    semconv.TAGS: ["vip"],
    f"{semconv.METADATA}shop": "north",
}

GEVENT_TIMEOUT: Final = "gevent.timeout.Timeout"

CHECKS: Final[dict[str, Callable[[Trace], None]]] = {}


def check(*ids: str) -> Callable[[Callable[[Trace], None]], Callable[[Trace], None]]:
    """Say of which situations a function is the check; its own name if none is given."""

    def register(function: Callable[[Trace], None]) -> Callable[[Trace], None]:
        CHECKS.update(dict.fromkeys(ids or (function.__name__,), function))
        return function

    return register


def told_and_run(trace: Trace, task: str) -> tuple[Span, list[Span]]:
    """What the worker's main process says of a job, and what the process that ran it does."""
    told = [span for span in trace.runs(task) if semconv.JOB_REASON in span.attributes]
    (publish,) = trace.publishes(task)
    assert all(trace.parent(run) == publish for run in trace.runs(task))
    (only,) = told
    return only, [run for run in trace.runs(task) if run is not only]


def ended(span: Span) -> tuple[Any, str, str | None]:
    """A run's state, status and error."""
    return span.attributes[semconv.CELERY_STATE], span.status, span.error_type


def end_of(span: Span) -> datetime:
    """When it ended."""
    return span.started_at + timedelta(milliseconds=span.duration_ms)


@check("delay", "delay_in_async_view", "in_sync_to_async", "send_task")
def sent(trace: Trace) -> None:
    publish, run = trace.job("add")
    assert trace.parent(publish) == trace.request
    assert trace.parent(run) == publish
    assert [child.name for child in trace.children(run)] == ["work of add"]
    assert (publish.name, run.name) == ("publish tests.jobs.site.tasks.add", "tests.jobs.site.tasks.add")
    for name in (semconv.MESSAGING_MESSAGE_ID, semconv.JOB_ROOT_ID, semconv.MESSAGING_DESTINATION):
        assert run.attributes[name] == publish.attributes[name]
    assert ended(run) == ("SUCCESS", "UNSET", None)
    assert run.attributes[semconv.JOB_ATTEMPT] == 1
    assert 0 <= run.attributes[semconv.JOB_QUEUE_TIME] < 60
    assert semconv.JOB_DELAY not in run.attributes


@check()
def gathered(trace: Trace) -> None:
    assert [trace.parent(publish) for publish in trace.publishes("add")] == [trace.request] * 3
    assert {trace.parent(run).span_id for run in trace.runs("add")} == {span.span_id for span in trace.publishes()}


@check("on_commit", "delay_on_commit")
def committed(trace: Trace) -> None:
    publish, run = trace.job("add")
    (checkout,) = trace.named("checkout")
    assert trace.parent(publish) == trace.request
    assert [link["span_id"] for link in publish.links] == [checkout.span_id]
    assert trace.parent(run) == publish


@check()
def nested(trace: Trace) -> None:
    outer, (publish, run) = trace.job("outer")[1], trace.job("add")
    assert trace.parent(publish) == outer
    assert trace.parent(run) == publish


@check()
def worker_only(trace: Trace) -> None:
    publish, run = trace.job("site.worker_only")
    assert trace.parent(publish) == trace.request
    assert trace.parent(run) == publish
    assert [child.name for child in trace.children(run)] == ["work of worker_only"]


@check("applied", "always_eager")
def eager(trace: Trace) -> None:
    (run,) = trace.runs("add")
    assert trace.publishes() == []
    assert trace.parent(run) == trace.request
    assert [child.name for child in trace.children(run)] == ["work of add"]


@check()
def headers(trace: Trace) -> None:
    (seen,) = trace.named("seen")
    assert trace.parent(seen) == trace.job("tell")[1]
    assert (seen.attributes["tenant"], seen.attributes["priority"]) == ("north", 3)


@check()
def attributes(trace: Trace) -> None:
    publish, run = trace.job("call")
    seen, *calls = trace.children(run)
    assert seen.attributes["tenant"] == "north"
    for span in (publish, run, seen, *calls):
        assert {name: span.attributes.get(name) for name in TRACE_ATTRIBUTES} == TRACE_ATTRIBUTES
    assert [(call.kind, call.model, call.outcome) for call in calls] == [
        ("CLIENT", openai.MODEL, "abandoned"),
        ("CLIENT", openai.MODEL, None),
    ]
    left, whole = calls
    assert end_of(left) <= end_of(run)
    assert whole.content.load()[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": openai.TEXT}]


@check()
def a_chain(trace: Trace) -> None:
    first, second, third = trace.runs("add")
    assert [trace.parent(trace.parent(run)) for run in (first, second, third)] == [trace.request, first, second]
    ids = [run.attributes[semconv.MESSAGING_MESSAGE_ID] for run in (first, second, third)]
    assert [run.attributes.get(semconv.JOB_PARENT_ID) for run in (first, second, third)] == [None, *ids[:2]]
    assert {run.attributes[semconv.JOB_ROOT_ID] for run in (first, second, third)} == {ids[0]}


@check()
def a_group(trace: Trace) -> None:
    gathered(trace)
    assert len({run.attributes[semconv.JOB_GROUP_ID] for run in trace.runs()}) == 1


@check()
def a_chord(trace: Trace) -> None:
    publish, body = trace.job("total")
    header = trace.runs("add")
    assert len(header) == 3
    assert trace.parent(body) == publish
    assert publish.parent_id in {span.span_id for span in (trace.request, *header)}
    for run in header:
        assert run.attributes[semconv.JOB_CHORD_ID] == body.attributes[semconv.MESSAGING_MESSAGE_ID]
        assert run.attributes[semconv.JOB_GROUP_ID] == body.attributes[semconv.JOB_GROUP_ID]
    assert {task_of(span) for span in (*trace.runs(), *trace.publishes())} == {"add", "total"}
    shown = dashboard.Trace(trace.request.trace_id, trace.spans)
    assert {job.span_id for job in chord_of(shown, body).header} == {run.span_id for run in header}
    for run in header:
        assert [job.span_id for job in chord_of(shown, run).body] == [body.span_id]


@check("a_starmap", "a_chunks")
def mapped(trace: Trace) -> None:
    runs = trace.runs("add")
    assert len(trace.runs()) == len(runs)
    assert {trace.parent(trace.parent(run)).span_id for run in runs} == {trace.request.span_id}
    assert [child.name for run in runs for child in trace.children(run)] == ["work of add"] * 2 * len(runs)


@check()
def nested_canvas(trace: Trace) -> None:
    first, *middle = trace.runs("add")
    publish, body = trace.job("total")
    assert {trace.parent(trace.parent(run)).span_id for run in middle} == {first.span_id}
    assert trace.parent(body) == publish
    assert {run.attributes[semconv.JOB_ROOT_ID] for run in trace.runs()} == {
        first.attributes[semconv.MESSAGING_MESSAGE_ID]
    }
    assert {run.attributes[semconv.JOB_CHORD_ID] for run in middle} == {body.attributes[semconv.MESSAGING_MESSAGE_ID]}


def attempts(runs: list[Span]) -> None:
    """Three, of which the first two were tried again, with their cause and its stack."""
    assert [run.attributes[semconv.JOB_ATTEMPT] for run in runs] == [1, 2, 3]
    assert [ended(run) for run in runs] == [("RETRY", "UNSET", None)] * 2 + [("SUCCESS", "UNSET", None)]
    for number, run in enumerate(runs[:2], 1):
        cause = exception(run)
        assert cause["exception.type"] == "tests.jobs.site.tasks.Unsteady"
        assert cause["exception.message"] == f"no answer to attempt {number}"
        assert f"in {task_of(run)}" in cause["exception.stacktrace"]
    assert runs[2].events == []


@check("retry", "autoretry")
def retried(trace: Trace) -> None:
    first_message, *messages = trace.publishes()
    runs = trace.runs()
    assert trace.parent(first_message) == trace.request
    assert [trace.parent(span) for span in (*runs, *messages)] == [first_message] * 5
    assert [span.attributes[semconv.JOB_ATTEMPT] for span in messages] == [2, 3]
    attempts(runs)
    for before, run in pairwise(runs):
        asked, waited = run.attributes.get(semconv.JOB_DELAY, 0.0), run.attributes[semconv.JOB_QUEUE_TIME]
        assert 0 <= asked <= 1.01  # messages carry milliseconds, here and below
        between = (run.started_at - before.started_at).total_seconds()
        assert waited >= 0
        assert waited == 0 or asked + waited <= between + 0.002


@check()
def eager_retry(trace: Trace) -> None:
    runs = sorted(trace.runs(), key=lambda run: run.attributes[semconv.JOB_ATTEMPT])
    assert {run.parent_id for run in runs} == {trace.request.span_id}
    attempts(runs)


@check()
def overlapping(trace: Trace) -> None:
    first, second = trace.runs("overlap")
    assert [run.attributes[semconv.JOB_ATTEMPT] for run in (first, second)] == [1, 2]
    assert states([first, second]) == ["RETRY", "SUCCESS"]
    assert first.parent_id == second.parent_id
    assert "work of attempt 1" in [child.name for child in trace.children(first)]
    assert [child.name for child in trace.children(second)] == ["work of attempt 2"]
    (one,), (two,) = trace.named("work of attempt 1"), trace.named("work of attempt 2")
    assert two.started_at < one.started_at


@check()
def failure(trace: Trace) -> None:
    run = trace.job("fail")[1]
    assert ended(run) == ("FAILURE", "ERROR", "LookupError")
    assert exception(run)["exception.message"] == "the order is gone"
    assert "in fail" in exception(run)["exception.stacktrace"]


@check()
def throws(trace: Trace) -> None:
    run = trace.job("fail_as_expected")[1]
    assert ended(run) == ("FAILURE", "UNSET", None)
    assert exception(run)["exception.type"] == "KeyError"


@check()
def ignored(trace: Trace) -> None:
    assert ended(trace.job("ignore")[1]) == ("IGNORED", "UNSET", None)


@check()
def rejected(trace: Trace) -> None:
    assert ended(trace.job("reject")[1]) == ("REJECTED", "UNSET", None)


def never_run(trace: Trace, reason: str) -> None:
    told, runs = told_and_run(trace, "add")
    assert (ended(told), told.attributes[semconv.JOB_REASON]) == (("REVOKED", "UNSET", None), reason)
    assert (told.duration_ms, runs, trace.named("work of add")) == (0, [], [])


@check()
def revoked(trace: Trace) -> None:
    never_run(trace, "revoked")


@check()
def expired(trace: Trace) -> None:
    never_run(trace, "expired")


@check()
def unknown(trace: Trace) -> None:
    told, runs = told_and_run(trace, "shop.nobody_knows")
    assert ended(told) == ("FAILURE", "ERROR", "celery.exceptions.NotRegistered")
    assert (told.attributes[semconv.JOB_REASON], runs) == ("unknown task", [])


@check()
def terminated(trace: Trace) -> None:
    told, (run,) = told_and_run(trace, "hang")
    assert (ended(told)[:2], told.attributes[semconv.JOB_REASON]) == (("REVOKED", "UNSET"), "terminated")
    assert ended(run)[:2] == ("TERMINATED", "ERROR")
    cut_off(trace, run)


def cut_off(trace: Trace, run: Span) -> None:
    """The call that a run was in is there, and says that it did not end by itself."""
    (call,) = trace.children(run)
    assert (call.kind, call.model, call.outcome) == ("CLIENT", "gpt-4o-mini", "cancelled")
    assert run.started_at <= call.started_at <= end_of(call) <= end_of(run)


@check()
def hard_limit(trace: Trace) -> None:
    told, (run,) = told_and_run(trace, "hang")
    assert ended(told) == ("FAILURE", "ERROR", "billiard.exceptions.TimeLimitExceeded")
    assert told.attributes[semconv.JOB_REASON] == "time limit"
    assert ended(run)[:2] == ("TERMINATED", "ERROR")
    assert run.duration_ms > 4900
    if run.error_type == GEVENT_TIMEOUT:  # raised in the job, and so an error of the call
        (call,) = trace.children(run)
        assert (call.kind, call.error_type) == ("CLIENT", GEVENT_TIMEOUT)
    else:
        cut_off(trace, run)


@check()
def soft_limit(trace: Trace) -> None:
    run = trace.job("hang")[1]
    (call,) = trace.children(run)
    for span in (run, call):
        assert (span.status, span.error_type) == ("ERROR", "billiard.exceptions.SoftTimeLimitExceeded")


@check()
def lost(trace: Trace) -> None:
    told, (second,) = told_and_run(trace, "die_once")
    assert ended(told) == ("FAILURE", "ERROR", "billiard.exceptions.WorkerLostError")
    assert told.attributes[semconv.JOB_REASON] == "worker lost"
    cut_off(trace, told)
    assert second.attributes[semconv.CELERY_STATE] == "SUCCESS"
    assert second.attributes[semconv.JOB_REDELIVERED] is True


@check()
def later(trace: Trace) -> None:
    for run in trace.runs("add"):
        assert 0.4 < run.attributes[semconv.JOB_DELAY] <= 0.51
        assert trace.parent(run).attributes[semconv.JOB_DELAY] <= 0.51
        waited = run.attributes[semconv.JOB_DELAY] + run.attributes.get(semconv.JOB_QUEUE_TIME, 0.0)
        assert (run.started_at - trace.parent(run).started_at).total_seconds() >= waited - 0.01


@check()
def unsendable(trace: Trace) -> None:
    (publish,) = trace.publishes("add")
    (after,) = trace.named("after")
    assert (publish.status, publish.error_type) == ("ERROR", "kombu.exceptions.OperationalError")
    assert trace.parent(publish) == trace.parent(after) == trace.request


@check()
def waited_for(trace: Trace) -> None:
    run, (wait,) = trace.job("add")[1], trace.named("wait for job")
    assert trace.parent(wait) == trace.request
    assert wait.attributes[semconv.MESSAGING_MESSAGE_ID] == run.attributes[semconv.MESSAGING_MESSAGE_ID]


def apart(trace: Trace, task: str) -> None:
    publish, run = trace.job(task)
    assert run.parent_id is None
    assert run.trace_id != publish.trace_id == trace.request.trace_id
    assert [(link["trace_id"], link["span_id"]) for link in run.links] == [(publish.trace_id, publish.span_id)]
    (work,) = trace.children(run)
    assert run.user_id == work.user_id == "7"


@check()
def linked(trace: Trace) -> None:
    apart(trace, "apart")


@check()
def linked_after(trace: Trace) -> None:
    apart(trace, "add")
    assert trace.runs("add")[0].attributes[semconv.JOB_QUEUE_TIME] >= 3600


@check()
def excluded(trace: Trace) -> None:
    assert (trace.publishes("quiet"), trace.runs("quiet")) == ([], [])
    publish, run = trace.job("add")
    (work,) = trace.named("work of quiet")
    assert trace.parent(work) == trace.parent(publish) == trace.request
    assert trace.parent(run) == publish


@check()
def by_beat(trace: Trace) -> None:
    publish, run = trace.job("add")
    assert publish.parent_id is None
    assert publish.attributes[semconv.JOB_SCHEDULE] == "every moment"
    assert trace.parent(run) == publish
