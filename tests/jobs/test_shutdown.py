"""What a worker has traced arrives, however its processes end; the end right after a burst is in `test_situations`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.jobs.bursts import assert_all_there, executed, wait_for
from tests.jobs.processes import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_nothing_is_lost_when_each_job_has_a_process_of_its_own(site: Site) -> None:
    recycled = ("--max-tasks-per-child", "1", "--pool", "prefork", "--concurrency", "4")
    with site.worker(*recycled) as worker:
        trace_id = site.visit("burst-12")["burst-12"]
        wait_for(site, "burst-12", 12)
        worker.stop()
    trace = assert_all_there(site, trace_id, 12)
    processes = [span.attributes["process.pid"] for span in trace.spans if span.name == "work of tick"]
    assert len(set(processes)) == 12


@pytest.mark.parametrize("site", ["filesystem"], indirect=True)
def test_nothing_is_lost_when_the_worker_is_told_to_end_in_the_middle_of_a_burst(site: Site) -> None:
    with ThreadPoolExecutor(1) as background, site.worker("--pool", "prefork", "--concurrency", "2") as worker:
        visit = background.submit(site.visit, "burst-200")
        wait_for(site, "burst-200", 20)
        worker.stop()
        ran = executed(site, "burst-200")
        trace_id = visit.result()["burst-200"]
    assert len(assert_all_there(site, trace_id, ran).publishes()) == 200
