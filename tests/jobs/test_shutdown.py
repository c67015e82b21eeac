"""What a worker has traced arrives, however its processes end; the end right after a burst is in `test_situations`."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.interpreter import run
from tests.jobs.bursts import assert_all_there, executed, wait_for
from tests.jobs.processes import Site
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def visited_while_the_store_was_away(site: Site) -> str:
    """The trace of a request whose spans its process, which has ended, could not send."""
    away = {"NAME": "Database", "BACKEND": "tests.pipeline.exporters.Away"}
    site.env["JOBS_LLMTRACE"] = json.dumps({"EXPORTERS": [away]})
    trace_id = site.visit("applied")["applied"]
    del site.env["JOBS_LLMTRACE"]
    assert site.spans(trace_id) == []
    return trace_id


def test_nothing_is_lost_when_each_job_has_a_process_of_its_own(site: Site) -> None:
    recycled = ("--max-tasks-per-child", "1", "--pool", "prefork", "--concurrency", "4")
    left = visited_while_the_store_was_away(site)
    with site.worker(*recycled) as worker:
        until(lambda: site.spans(left), "a worker without a job sends what others have left", 15)
        trace_id = site.visit("burst-12")["burst-12"]
        wait_for(site, "burst-12", 12)
        worker.stop()
    trace = assert_all_there(site, trace_id, 12)
    work = [span.attributes for span in trace.spans if span.name == "work of tick"]
    assert len({seen["process.pid"] for seen in work}) == 12
    for seen in work:  # none of these processes has made a call
        assert seen["loaded"] == ["llmtrace.providers.openai_sdk", "genai_prices.data"]


@pytest.mark.parametrize("site", ["filesystem", "redis"], indirect=True)  # Celery may take 30 s for it on RabbitMQ
def test_nothing_is_lost_when_the_worker_is_told_to_end_in_the_middle_of_a_burst(site: Site) -> None:
    with ThreadPoolExecutor(1) as background, site.worker("--pool", "prefork", "--concurrency", "2") as worker:
        visit = background.submit(site.visit, "burst-200")
        wait_for(site, "burst-200", 20)
        worker.stop()
        ran = executed(site, "burst-200")
        trace_id = visit.result()["burst-200"]
    assert len(assert_all_there(site, trace_id, ran).publishes()) == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with the thread that forked it")
def test_a_child_that_ends_sends_what_it_has_though_the_thread_that_forked_it_ends() -> None:
    code = """
    import os, threading, warnings, django
    from django.conf import settings
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads where there is a fork
    begun, go_on = os.pipe(), os.pipe()
    def act(spans):
        os.write(begun[1], b"1")
        os.read(go_on[0], 1)
    exporter = {"BACKEND": "tests.pipeline.exporters.Scripted", "OPTIONS": {"act": act}, "QUEUE": {"delay": 60.0}}
    settings.LLMTRACE = {"EXPORTERS": [exporter]}
    django.setup()
    from celery import Celery, platforms, signals
    from llmtrace.tracing.setup import get_tracer
    from tests.waiting import until
    Celery("shop")
    children = []
    def fork():
        child = os.fork()
        if child == 0:
            platforms.set_pdeathsig("SIGKILL")  # as Celery does in a child of its pool
            get_tracer().start_span("job").end()
            signals.worker_process_shutdown.send(None)
            os._exit(0)
        children.append(child)
        os.read(begun[0], 1)
    supervisor = threading.Thread(target=fork)
    supervisor.start()
    until(lambda: str(supervisor.native_id) not in os.listdir("/proc/self/task"), "the thread ends")
    os.write(go_on[1], b"1")
    assert os.waitpid(children[0], 0)[1] == 0
    """
    run(code, {})
