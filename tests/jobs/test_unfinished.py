"""Jobs that never ran, or were cut off: their trace says so, and why."""

from __future__ import annotations

import socket
import threading

import pytest

from llmtrace import semconv
from llmtrace.models import Span
from tests.jobs.processes import Site
from tests.jobs.traces import Trace, states

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.parametrize("site", ["redis", "rabbitmq"], indirect=True, scope="module"),
]

SPANS = {
    "revoked": 1,
    "expired": 1,
    "unknown": 1,
    "terminated": 2,
    "hard_limit": 1,
    "soft_limit": 1,
}
"""The pages, and how many consumer spans each leads to."""

Traces = dict[str, Trace]


def reasons(spans: list[Span]) -> list[str | None]:
    return [span.attributes.get(semconv.JOB_REASON) for span in spans]


@pytest.fixture(scope="module")
def traces(site: Site) -> Traces:
    """The trace of each page, all of it arrived."""
    over = threading.Event()

    def never(connection: socket.socket) -> bool:
        (site.folder / "hanging").touch()
        over.wait()
        return False

    site.model.answers(*[never] * 3)
    site.env["JOBS_CONTROL"] = "1"
    with site.worker("--pool", "prefork", "--concurrency", "2") as worker:
        visited = site.visit(*SPANS)
        for name, spans in SPANS.items():
            site.arrived(visited[name], spans)
        visited |= site.visit("lost")  # alone: what the killed process had not sent yet goes with it
        site.arrived(visited["lost"], 2)
        worker.stop()
        assert "mistake of llmtrace" not in worker.log.read_text()
    over.set()
    return {name: Trace(site.spans(visited[name])) for name in visited}


@pytest.mark.parametrize(("page", "task"), [("revoked", "add"), ("expired", "add")])
def test_a_job_that_is_not_run_any_more_is_told_in_the_senders_trace(traces: Traces, page: str, task: str) -> None:
    trace = traces[page]
    publish, told = trace.job(task)
    assert trace.parent(told) == publish
    assert (told.status, told.duration_ms) == ("UNSET", 0)
    assert (states([told]), reasons([told])) == (["REVOKED"], [page])


def test_a_task_that_no_worker_knows_is_an_error_in_the_senders_trace(traces: Traces) -> None:
    trace = traces["unknown"]
    publish, told = trace.job("shop.nobody_knows")
    assert trace.parent(told) == publish
    assert (told.status, told.error_type) == ("ERROR", "celery.exceptions.NotRegistered")
    assert (states([told]), reasons([told])) == (["FAILURE"], ["unknown task"])


def test_a_job_that_is_terminated_shows_why_and_so_does_its_call(traces: Traces) -> None:
    trace = traces["terminated"]
    run, told = sorted(trace.runs("hang"), key=lambda span: semconv.JOB_REASON in span.attributes)
    assert trace.parent(run) == trace.parent(told) == trace.publishes()[0]
    assert (states([run, told]), reasons([run, told])) == (["TERMINATED", "REVOKED"], [None, "terminated"])
    assert run.status == "ERROR"
    (call,) = trace.children(run)
    assert (call.kind, call.outcome) == ("CLIENT", "cancelled")


def test_a_hard_time_limit_is_an_error_in_the_senders_trace(traces: Traces) -> None:
    """Told by the main process: the job's own has 0.1 s from SIGTERM to SIGKILL, and its run may or may not arrive."""
    trace = traces["hard_limit"]
    (told,) = (span for span in trace.runs("hang") if semconv.JOB_REASON in span.attributes)
    assert trace.parent(told) == trace.publishes()[0]
    assert (told.status, told.error_type) == ("ERROR", "billiard.exceptions.TimeLimitExceeded")
    assert (states([told]), reasons([told])) == (["FAILURE"], ["time limit"])


def test_a_soft_time_limit_is_an_error_of_the_run_and_of_its_call(traces: Traces) -> None:
    run = traces["soft_limit"].job("hang")[1]
    (call,) = traces["soft_limit"].children(run)
    for span in (run, call):
        assert (span.status, span.error_type) == ("ERROR", "billiard.exceptions.SoftTimeLimitExceeded")


def test_an_attempt_whose_process_was_killed_is_visible_and_the_second_is_marked(traces: Traces) -> None:
    first, second = traces["lost"].runs("die_once")
    assert first.parent_id == second.parent_id
    assert (first.error_type, reasons([first])) == ("billiard.exceptions.WorkerLostError", ["worker lost"])
    assert first.duration_ms > 0
    assert states([first, second]) == ["FAILURE", "SUCCESS"]
    assert second.attributes[semconv.JOB_REDELIVERED] is True


def test_no_span_is_an_orphan(traces: Traces) -> None:
    assert [span.name for trace in traces.values() for span in trace.orphans()] == []
