"""What a worker has traced arrives, however the worker ends."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.jobs.processes import PATIENCE_S, Site
from tests.jobs.traces import Trace
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def executed(site: Site, burst: str) -> int:
    """How many jobs of a burst have run, as they counted themselves."""
    counted = site.folder / burst
    return counted.stat().st_size if counted.exists() else 0


def assert_all_there(site: Site, trace_id: str, ran: int) -> Trace:
    """Each job that ran has its run and the work below it, and no message is without its parent."""
    trace = Trace(site.spans(trace_id))
    assert len(trace.runs("tick")) == ran
    assert sum(span.name == "work of tick" for span in trace.spans) == ran
    assert trace.orphans() == []
    return trace


def test_nothing_is_lost_when_the_worker_is_told_to_end_right_after_a_burst(site: Site) -> None:
    with site.worker("--pool", "prefork", "--concurrency", "2") as worker:
        trace_id = site.visit("burst-200")["burst-200"]
        until(lambda: executed(site, "burst-200") == 200, "all jobs have run", PATIENCE_S)
        worker.stop()
    trace = assert_all_there(site, trace_id, 200)
    assert sorted(trace.parent(run).span_id for run in trace.runs()) == sorted(s.span_id for s in trace.publishes())


def test_nothing_is_lost_when_each_job_has_a_process_of_its_own(site: Site) -> None:
    recycled = ("--max-tasks-per-child", "1", "--pool", "prefork", "--concurrency", "4")
    with site.worker(*recycled) as worker:
        trace_id = site.visit("burst-12")["burst-12"]
        until(lambda: executed(site, "burst-12") == 12, "all jobs have run", PATIENCE_S)
        worker.stop()
    trace = assert_all_there(site, trace_id, 12)
    processes = [span.attributes["process.pid"] for span in trace.spans if span.name == "work of tick"]
    assert len(set(processes)) == 12, json.dumps(processes)


@pytest.mark.parametrize("site", ["filesystem"], indirect=True)
def test_nothing_is_lost_when_the_worker_is_told_to_end_in_the_middle_of_a_burst(site: Site) -> None:
    before = executed(site, "burst-200")
    with ThreadPoolExecutor(1) as background, site.worker("--pool", "prefork", "--concurrency", "2") as worker:
        visit = background.submit(site.visit, "burst-200")
        until(lambda: executed(site, "burst-200") >= before + 20, "some of the jobs have run", PATIENCE_S)
        worker.stop()
        ran = executed(site, "burst-200") - before
        trace_id = visit.result()["burst-200"]
    assert len(assert_all_there(site, trace_id, ran).publishes()) == 200
