"""Bursts of jobs that count themselves, so that a test knows how many have run whatever was traced."""

from __future__ import annotations

from tests.jobs.processes import PATIENCE_S, Site
from tests.jobs.traces import Trace
from tests.waiting import until


def executed(site: Site, burst: str) -> int:
    """How many jobs of a burst have run."""
    counted = site.folder / burst
    return counted.stat().st_size if counted.exists() else 0


def wait_for(site: Site, burst: str, count: int) -> None:
    """Wait until `count` jobs of a burst have run."""
    until(lambda: executed(site, burst) >= count, f"{count} jobs have run", PATIENCE_S)


def assert_all_there(site: Site, trace_id: str, ran: int) -> Trace:
    """Each job that ran has its run and the work below it, and no span is without its parent."""
    trace = Trace(site.spans(trace_id))
    assert len(trace.runs("tick")) == ran
    assert sum(span.name == "work of tick" for span in trace.spans) == ran
    assert trace.orphans() == []
    return trace
