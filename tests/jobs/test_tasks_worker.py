"""Tasks of Django's own framework in a real worker of the database backend, which ends once it has run them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llmtrace import semconv
from tests.jobs.processes import END_S, Site
from tests.services import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.parametrize("site", ["filesystem"], indirect=True, scope="module"),
]


def manage(site: Site, *arguments: str) -> subprocess.Popen[bytes]:
    log = (site.folder / f"{arguments[0]}.log").open("wb")
    with log:
        command = [sys.executable, "-m", "django", *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=site.env, stdout=log, stderr=subprocess.STDOUT)


def test_a_task_is_in_the_trace_of_the_request_that_enqueued_it(site: Site) -> None:
    assert manage(site, "migrate", "--run-syncdb", "--verbosity", "0").wait(END_S) == 0
    worker = manage(site, "db_worker", "--interval", "0.05", "--no-startup-delay", "--queue-name", "*")
    try:
        trace_id = site.visit("django_task")["django_task"]
        site.arrived(trace_id, 1)
    finally:
        worker.terminate()
        assert worker.wait(END_S) == 0
    log = (site.folder / "db_worker.log").read_text()
    assert "mistake of llmtrace" not in log
    request, publish, run, work = sorted(site.spans(trace_id), key=lambda span: span.started_at)
    assert [span.kind for span in (request, publish, run, work)] == ["SERVER", "PRODUCER", "CONSUMER", "INTERNAL"]
    assert [span.parent_id for span in (publish, run, work)] == [span.span_id for span in (request, publish, run)]
    for span in (publish, run, work):
        assert (span.user_id, span.attributes[semconv.TAGS]) == ("7", ["vip"])
    assert (run.job_state, run.job_attempt) == ("SUCCESSFUL", 1)
    assert 0 <= run.attributes[semconv.JOB_QUEUE_TIME] < 60
