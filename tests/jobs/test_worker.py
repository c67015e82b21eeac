"""Jobs in a real worker on each broker: what their traces show, read from where the spans arrive."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from llmtrace import semconv
from tests.jobs.bursts import assert_all_there, wait_for
from tests.jobs.processes import Site
from tests.jobs.traces import Trace, exception, states, task_of
from tests.servers import openai

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

RUNS = {
    "delay": 1,
    "on_commit": 1,
    "chain": 3,
    "group": 3,
    "chord": 4,
    "retry": 3,
    "failure": 1,
    "call": 1,
    "nested": 2,
    "endings": 3,
}
"""The pages that send jobs, and how many attempts each leads to."""

Traces = dict[str, Trace]


@pytest.fixture(scope="module")
def traces(site: Site) -> Traces:
    """The trace of each page, all of it arrived."""
    site.model.answers(openai.stream(), openai.answer())
    with site.worker("--pool", "prefork", "--concurrency", "2") as worker:
        visited = site.visit(*RUNS)
        for name, runs in RUNS.items():
            site.arrived(visited[name], runs)
        visited |= site.visit("burst-200")
        wait_for(site, "burst-200", 200)
        worker.stop()  # right after the burst: nothing waits for spans any more
        assert "mistake of llmtrace" not in worker.log.read_text()
    return {name: Trace(site.spans(visited[name])) for name in visited}


def test_a_job_is_below_the_request_that_sent_it(traces: Traces) -> None:
    trace = traces["delay"]
    publish, run = trace.job("add")
    assert trace.parent(publish) == trace.request
    assert trace.parent(run) == publish
    assert [child.name for child in trace.children(run)] == ["work of add"]
    assert publish.name == "publish tests.jobs.site.tasks.add"
    assert run.name == "tests.jobs.site.tasks.add"


def test_a_run_says_which_attempt_of_which_job_it_is_and_how_long_it_waited(traces: Traces) -> None:
    publish, run = traces["delay"].job("add")
    for name in (semconv.MESSAGING_MESSAGE_ID, semconv.JOB_ROOT_ID, semconv.MESSAGING_DESTINATION):
        assert run.attributes[name] == publish.attributes[name]
    assert run.attributes[semconv.JOB_ATTEMPT] == 1
    assert states([run]) == ["SUCCESS"]
    assert 0 <= run.attributes[semconv.JOB_QUEUE_TIME] < 30
    assert semconv.JOB_DELAY not in run.attributes


def test_user_session_conversation_and_tags_go_along_with_the_message(traces: Traces) -> None:
    trace = traces["delay"]
    publish, run = trace.job("add")
    for span in (publish, run, *trace.children(run)):
        assert (span.user_id, span.session_id, span.conversation_id) == ("7", "s-1", "c-1")
        assert span.attributes[semconv.TAGS] == ["vip"]
        assert span.attributes[f"{semconv.METADATA}shop"] == "north"
    assert [span.user_id for span in traces["on_commit"].runs()] == [None]


def test_a_job_sent_on_commit_is_below_the_request(traces: Traces) -> None:
    trace = traces["on_commit"]
    publish, run = trace.job("add")
    assert trace.parent(publish) == trace.request
    assert trace.parent(run) == publish


def test_a_chain_goes_on_from_each_run(traces: Traces) -> None:
    trace = traces["chain"]
    first, second, third = trace.runs()
    assert [trace.parent(trace.parent(run)) for run in (first, second, third)] == [trace.request, first, second]
    assert second.attributes[semconv.JOB_PARENT_ID] == first.attributes[semconv.MESSAGING_MESSAGE_ID]
    assert {run.attributes[semconv.JOB_ROOT_ID] for run in (first, second, third)} == {
        first.attributes[semconv.MESSAGING_MESSAGE_ID]
    }


def test_the_jobs_of_a_group_are_side_by_side_and_name_the_group(traces: Traces) -> None:
    trace = traces["group"]
    assert [trace.parent(publish) for publish in trace.publishes()] == [trace.request] * 3
    assert {trace.parent(run).span_id for run in trace.runs()} == {span.span_id for span in trace.publishes()}
    assert len({run.attributes[semconv.JOB_GROUP_ID] for run in trace.runs()}) == 1


def test_a_chords_body_is_in_the_trace_and_each_header_names_it(traces: Traces) -> None:
    trace = traces["chord"]
    publish, body = trace.job("total")
    headers = trace.runs("add")
    assert trace.parent(body) == publish
    assert publish.parent_id in {span.span_id for span in (trace.request, *headers)}
    for header in headers:
        assert header.attributes[semconv.JOB_CHORD_ID] == body.attributes[semconv.MESSAGING_MESSAGE_ID]
        assert header.attributes[semconv.JOB_GROUP_ID] == body.attributes[semconv.JOB_GROUP_ID]


def test_what_celery_does_by_itself_leaves_no_span(traces: Traces) -> None:
    assert {task_of(span) for span in (*traces["chord"].runs(), *traces["chord"].publishes())} == {"add", "total"}


def test_attempts_are_siblings_below_the_first_message(traces: Traces) -> None:
    trace = traces["retry"]
    first_message, *messages = trace.publishes()
    runs = trace.runs()
    assert trace.parent(first_message) == trace.request
    assert [trace.parent(span) for span in (*runs, *messages)] == [first_message] * 5
    assert [run.attributes[semconv.JOB_ATTEMPT] for run in runs] == [1, 2, 3]
    assert [span.attributes[semconv.JOB_ATTEMPT] for span in messages] == [2, 3]


def test_an_attempt_that_is_tried_again_is_no_error_and_shows_its_cause_with_the_stack(traces: Traces) -> None:
    *failed, last = traces["retry"].runs()
    assert states([*failed, last]) == ["RETRY", "RETRY", "SUCCESS"]
    assert [run.status for run in (*failed, last)] == ["UNSET"] * 3
    for number, run in enumerate(failed, 1):
        cause = exception(run)
        assert cause["exception.type"] == "tests.jobs.site.tasks.Unsteady"
        assert cause["exception.message"] == f"no answer to attempt {number}"
        assert "in steady_at_third" in cause["exception.stacktrace"]


def test_a_wait_that_was_asked_for_is_told_apart_from_the_wait_in_the_queue(traces: Traces) -> None:
    runs = traces["retry"].runs()
    for before, run in pairwise(runs):
        asked = run.attributes.get(semconv.JOB_DELAY, 0.0)
        waited = run.attributes[semconv.JOB_QUEUE_TIME]
        between = (run.started_at - before.started_at).total_seconds()
        assert 0 <= asked <= 1.01  # messages carry milliseconds
        assert waited >= 0
        assert asked + waited <= between + 0.002  # each of the two is told in whole milliseconds


def test_a_job_that_fails_is_an_error_with_its_exception(traces: Traces) -> None:
    run = traces["failure"].job("fail")[1]
    assert (run.status, run.error_type, states([run])) == ("ERROR", "LookupError", ["FAILURE"])
    assert exception(run)["exception.message"] == "the order is gone"
    assert "in fail" in exception(run)["exception.stacktrace"]


def test_calls_of_a_job_are_below_its_run_with_user_and_conversation(traces: Traces) -> None:
    trace = traces["call"]
    run = trace.job("call")[1]
    calls = trace.children(run)
    assert [(call.kind, call.model, call.user_id, call.conversation_id) for call in calls] == [
        ("CLIENT", openai.MODEL, "7", "c-1")
    ] * 2
    assert calls[1].content.load()[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": openai.TEXT}]


def test_a_stream_that_is_left_open_ends_with_its_job(traces: Traces) -> None:
    run = traces["call"].job("call")[1]
    stream = traces["call"].children(run)[0]
    assert stream.outcome == "abandoned"
    assert stream.started_at + timedelta(milliseconds=stream.duration_ms) <= run.started_at + timedelta(
        milliseconds=run.duration_ms
    )


def test_a_job_that_sends_a_job_has_it_below_its_run(traces: Traces) -> None:
    trace = traces["nested"]
    outer, inner = trace.job("outer")[1], trace.job("add")
    assert trace.parent(inner[0]) == outer
    assert trace.parent(inner[1]) == inner[0]


def test_what_a_task_raises_as_expected_is_shown_and_is_no_error(traces: Traces) -> None:
    run = traces["endings"].job("fail_as_expected")[1]
    assert (run.status, run.error_type, states([run])) == ("UNSET", None, ["FAILURE"])
    assert exception(run)["exception.type"] == "KeyError"


def test_ignore_and_reject_show_their_state(traces: Traces) -> None:
    runs = [traces["endings"].job(task)[1] for task in ("ignore", "reject")]
    assert states(runs) == ["IGNORED", "REJECTED"]
    assert {run.status for run in runs} == {"UNSET"}


def test_nothing_is_lost_when_the_worker_is_told_to_end_right_after_a_burst(site: Site, traces: Traces) -> None:
    trace = assert_all_there(site, traces["burst-200"].request.trace_id, 200)
    assert sorted(trace.parent(run).span_id for run in trace.runs()) == sorted(s.span_id for s in trace.publishes())


def test_no_span_is_an_orphan(traces: Traces) -> None:
    assert [span.name for trace in traces.values() for span in trace.orphans()] == []
