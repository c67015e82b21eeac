"""What beat sends: a trace for each tick, with the name of the schedule."""

from __future__ import annotations

from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import schedule

from llmtrace import semconv
from tests.jobs.apps import Jobs, attributes
from tests.recorded import Recorded


def test_each_tick_is_a_trace_of_its_own_with_the_name_of_the_schedule(jobs: Jobs, recorded: Recorded) -> None:
    jobs.simple("tidy")
    scheduler = Scheduler(jobs.app, lazy=True)
    for name, task in (("every night", "tidy"), ("every hour", "shop.elsewhere")):
        entry = ScheduleEntry(name, task, schedule=schedule(10), app=jobs.app)
        scheduler.apply_async(entry, advance=False)
    jobs.run(jobs.messages()[0])
    night, hour, run = recorded.all()
    assert [attributes(span)[semconv.JOB_SCHEDULE] for span in (night, hour)] == ["every night", "every hour"]
    assert night.parent is hour.parent is None
    assert run.parent is not None
    assert night.context is not None
    assert run.parent.span_id == night.context.span_id


def test_other_jobs_name_no_schedule(jobs: Jobs, recorded: Recorded) -> None:
    jobs.app.send_task("shop.summary")
    assert semconv.JOB_SCHEDULE not in attributes(recorded.one("publish shop.summary"))
