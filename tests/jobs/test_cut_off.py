"""Jobs whose process is killed before it can tell anything: its parent tells of the run and of the call in it."""

from __future__ import annotations

import pytest

from llmtrace import semconv
from tests.jobs.checks import cut_off, ended, told_and_run
from tests.jobs.processes import PATIENCE_S, Site
from tests.jobs.traces import Trace
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

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
