"""Jobs whose process is killed before it can tell anything: its parent tells of the run and of the call in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from llmtrace import semconv
from tests.jobs.checks import cut_off, end_of, ended, told_and_run
from tests.jobs.processes import PATIENCE_S, Site
from tests.jobs.site.crowd import BUSY_DELAY_S, CROWD, IDLE_DELAY_S, TURNS
from tests.jobs.traces import Trace
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LEFT = ("left_and_killed", "left_at_hard_limit", "left_and_killed_between_jobs")
PAGES = ("killed", "hard_limit_deaf", "hard_limit_idle")


@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_a_job_that_is_killed_at_once_leaves_its_run_and_the_call_that_was_cut_off(site: Site) -> None:
    site.env["JOBS_CONTROL"] = "1"
    with site.worker("--pool", "prefork", "--concurrency", "3") as worker:
        visited = site.visit(*PAGES)
        until(lambda: site.count(kind="CONSUMER") >= 2 * len(PAGES), "each is told and has its run", PATIENCE_S)
        worker.stop()
    killed, deaf, idle = (Trace(site.spans(visited[page])) for page in PAGES)

    told, (run,) = told_and_run(killed, "hang")
    assert (ended(told)[:2], told.attributes[semconv.JOB_REASON]) == (("REVOKED", "UNSET"), "terminated")
    assert ended(run)[:2] == ("TERMINATED", "ERROR")
    cut_off(killed, run)

    told, (run,) = told_and_run(deaf, "hang_deaf")
    assert told.attributes[semconv.JOB_REASON] == "time limit"
    assert ended(run) == ("TERMINATED", "ERROR", "billiard.exceptions.TimeLimitExceeded")
    (step,) = deaf.children(run)
    assert (step.name, step.kind, step.outcome) == ("step", "INTERNAL", None)
    cut_off(deaf, step)
    assert {span.user_id for span in (run, step, *deaf.children(step))} == {"7"}

    told, (run,) = told_and_run(idle, "idle_deaf")
    assert ended(run) == ("TERMINATED", "ERROR", "billiard.exceptions.TimeLimitExceeded")
    assert (told.duration_ms, run.duration_ms > 900, idle.children(run)) == (0, True, [])

    for trace in (killed, deaf, idle):
        assert trace.orphans() == []


@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_what_a_job_had_sent_stays_below_what_it_had_open_however_much_that_is(site: Site) -> None:
    site.env["JOBS_CONTROL"] = "1"
    with site.worker("--pool", "prefork", "--concurrency", "2") as worker:
        traces = site.visit("crowd_killed", "crowd_at_hard_limit").values()
        told = 2 * len(traces)
        until(lambda: site.count(kind="CONSUMER", trace_id__in=traces) == told, "each has its run", PATIENCE_S)
        worker.stop()
    for trace in (Trace(site.spans(trace_id)) for trace_id in traces):
        assert trace.orphans() == []
        _, (at,) = told_and_run(trace, "crowd_deaf")
        assert ended(at)[:2] == ("TERMINATED", "ERROR")
        for number in range(CROWD):
            below = trace.children(at)
            assert Counter(span.name for span in below) == ({"done": 1, "step": 1} if number else {"step": 1})
            (at,) = (span for span in below if span.name == "step")
            assert (at.status, at.outcome) == ("UNSET", None)
        below = trace.children(at)
        assert Counter(span.name for span in below) == {"done": 1, "side": CROWD, "chat gpt-4o-mini": 1}
        assert [len(trace.children(side)) for side in trace.named("side")] == [1] * CROWD
        assert [call.outcome for call in trace.named("chat gpt-4o-mini")] == ["cancelled"]


def exporting_every(site: Site, seconds: float) -> None:
    """Have processes that begin from now on wait for so long before they export what has ended."""
    store = {"BACKEND": "llmtrace.exporters.Database", "SPANS": "all", "QUEUE": {"delay": seconds}}
    site.env["JOBS_LLMTRACE"] = json.dumps({"EXPORTERS": [store]})


@pytest.fixture
def restored(site: Site) -> Iterator[None]:
    yield
    del site.env["JOBS_LLMTRACE"]


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_wherever_a_job_is_killed_what_it_has_sent_has_its_parents(site: Site) -> None:
    """It is killed while it ends spans, and its exporter sends them, without a pause."""
    exporting_every(site, BUSY_DELAY_S)
    with site.worker("--pool", "prefork", "--concurrency", "2") as worker:
        (trace_id,) = site.visit("die_at_many_moments").values()
        runs = {"kind": "CONSUMER", "trace_id": trace_id}
        until(lambda: site.count(**runs) == len(TURNS), "each job has its run", PATIENCE_S)
        worker.stop()
    trace = Trace(site.spans(trace_id))
    assert trace.orphans() == []
    for turns, run in zip(TURNS, sorted(trace.runs(), key=lambda run: len(trace.children(run))), strict=True):
        assert ended(run) == ("FAILURE", "ERROR", "billiard.exceptions.WorkerLostError")
        below = trace.children(run)
        assert [span.name for span in below] == ["outer"] * turns
        assert [len(trace.children(outer)) for outer in below] == [1] * turns
        assert any(span.attributes.get(semconv.INCOMPLETE) for span in below)


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_what_had_ended_before_a_kill_and_was_not_sent_is_there_with_its_end(site: Site) -> None:
    exporting_every(site, IDLE_DELAY_S)
    site.env["JOBS_CONTROL"] = "1"
    with site.worker("--pool", "prefork", "--concurrency", "3") as worker:
        traces = site.visit(*LEFT)
        of_these = {"trace_id__in": traces.values()}
        until(lambda: site.count(name="outer", **of_these) == len(LEFT), "each is there", PATIENCE_S)
        worker.stop()
    for trace in (Trace(site.spans(trace_id)) for trace_id in traces.values()):
        assert trace.orphans() == []
        (outer,), (inner,) = trace.named("outer"), trace.named("inner")
        run = trace.parent(outer)
        assert (outer.status, outer.attributes[semconv.INCOMPLETE]) == ("UNSET", True)
        assert semconv.INCOMPLETE not in inner.attributes
        assert inner.started_at <= end_of(outer) <= end_of(run)
    killed, at_limit, between = (Trace(site.spans(traces[page])) for page in LEFT)
    for trace in (killed, at_limit):
        _, (run,) = told_and_run(trace, "tests.jobs.site.dying.leave_deaf")
        assert ended(run)[:2] == ("TERMINATED", "ERROR")
        assert run.duration_ms > trace.named("outer")[0].duration_ms
        assert semconv.INCOMPLETE not in run.attributes
    (run,) = between.runs()
    assert (run.status, run.attributes[semconv.INCOMPLETE]) == ("UNSET", True)
