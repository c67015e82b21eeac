"""OpenTelemetry's Celery instrumentation, activated by the settings in both processes: its spans, and none twice."""

from __future__ import annotations

import json

import pytest

from llmtrace import semconv
from tests.jobs.checks import cut_off, ended
from tests.jobs.processes import Site
from tests.jobs.traces import Trace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.parametrize("site", ["filesystem"], indirect=True, scope="module"),
]

INSTRUMENTOR = "opentelemetry.instrumentation.celery.CeleryInstrumentor"
RUNS = {"delay": 1, "attributes": 1, "nested": 2, "failure": 1}


def test_no_span_is_doubled_and_theirs_say_what_ours_would(site: Site) -> None:
    site.env["JOBS_LLMTRACE"] = json.dumps({"INSTRUMENTORS": [INSTRUMENTOR]})
    with site.worker("--pool", "prefork", "--concurrency", "1") as worker:
        visited = site.visit(*RUNS)
        for page, runs in RUNS.items():
            site.arrived(visited[page], runs)
        worker.stop()
        assert "mistake of llmtrace" not in worker.log.read_text()
    traces = {page: Trace(site.spans(trace_id)) for page, trace_id in visited.items()}
    for page, trace in traces.items():
        jobs = [*trace.publishes(), *trace.runs()]
        assert len(jobs) == 2 * RUNS[page]
        assert {span.attributes["otel.scope.name"] for span in jobs} == {"opentelemetry.instrumentation.celery"}
        assert trace.orphans() == []
        assert all(trace.parent(run) in trace.publishes() for run in trace.runs())
    publish, run = traces["attributes"].job("call")
    for span in (publish, run, *traces["attributes"].children(run)):
        assert (span.user_id, span.session_id, span.conversation_id) == ("7", "s-1", "c-1")
    assert run.attributes[semconv.JOB_QUEUE_TIME] >= 0
    assert traces["failure"].job("fail")[1].status == "ERROR"


def test_their_run_in_a_process_that_is_killed_is_there_once(site: Site) -> None:
    site.env |= {"JOBS_LLMTRACE": "{}", "JOBS_INSTRUMENT": "1"}  # their spans begin after our part of the signals
    with site.worker("--pool", "prefork", "--concurrency", "1") as worker:
        visited = site.visit("lost")
        site.arrived(visited["lost"], 2)
        worker.stop()
    trace = Trace(site.spans(visited["lost"]))
    lost, second = trace.runs("die_once")
    assert {run.attributes["otel.scope.name"] for run in (lost, second)} == {"opentelemetry.instrumentation.celery"}
    assert ended(lost) == ("FAILURE", "ERROR", "billiard.exceptions.WorkerLostError")
    assert lost.attributes[semconv.JOB_REASON] == "worker lost"
    cut_off(trace, lost)
