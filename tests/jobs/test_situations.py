"""Every situation that a job can be in, in real workers of every pool, read from where the spans arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Final

import pytest
from pytest_django import DjangoDbBlocker

from llmtrace import semconv
from llmtrace.models import Span
from tests.jobs.bursts import assert_all_there, wait_for
from tests.jobs.checks import CHECKS
from tests.jobs.conftest import new_site
from tests.jobs.processes import PATIENCE_S, Site, Visitor
from tests.jobs.situations import COLUMNS, SITUATIONS, Situation
from tests.jobs.traces import Trace
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]  # a column takes 30 s, and 110 s at a load of 16

CONCURRENCY: Final = {"prefork": "2", "solo": "1"}
FIRST: Final = ("terminated", "hard_limit", "soft_limit")
"""They take the longest."""
ALONE: Final = ("expired",)
"""RabbitMQ itself drops a message that expires unless an idle worker takes it at once."""

ONLY_HERE: Final = "tests.jobs.site.worker_tasks"
APART: Final = ("lost", "by_beat")


class Column:
    """What a worker of one pool has left behind."""

    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        self.name = name
        self.visited: dict[str, str] = {}
        self.spans: list[Span] = []

    @property
    def here(self) -> list[Situation]:
        """The situations that can be."""
        return [situation for situation in SITUATIONS if situation.reason(self.name) is None]

    def run(self) -> None:
        """Bring them all about in one worker, and end it right after a burst."""
        pool = self.name.split("-")[0]
        options = (
            "--pool",
            pool,
            "--concurrency",
            CONCURRENCY.get(pool, "4"),
            "--include",
            "tests.jobs.site.worker_tasks",
        )
        with self.site.visitor() as visitor:
            with self.site.worker(*options) as worker:
                self._visit(visitor, [*ALONE])
                with self.site.beat():
                    self._visit(visitor, [each.id for each in self.here if each.id not in (*ALONE, *APART)])
                    self.visited["by_beat"] = until(self._tick, "a job of beat's has run", PATIENCE_S)
                if any(each.id == "lost" for each in self.here):
                    self._visit(visitor, ["lost"])  # what the killed process had not sent yet goes with it
                self.visited |= visitor.visit("burst-200")
                wait_for(self.site, "burst-200", 200)
                worker.stop()  # nothing waits for spans any more
            assert "mistake of llmtrace" not in worker.log.read_text()
            assert "mistake of llmtrace" not in visitor.log.read_text()
        self.spans = self.site.spans()

    def _visit(self, visitor: Visitor, names: list[str]) -> None:
        self.visited |= visitor.visit(*sorted(names, key=lambda name: name not in FIRST))
        until(lambda: not self._missing(names), lambda: f"all spans of {self._missing(names)}", PATIENCE_S)

    def _missing(self, names: list[str]) -> list[str]:
        runs = Span.objects.using(self.site.alias).filter(kind="CONSUMER").values_list("trace_id", "links")
        found = Counter(link["trace_id"] for _, links in runs for link in links)
        found.update(trace_id for trace_id, _ in runs)
        return [each.id for each in SITUATIONS if each.id in names and found[self.visited[each.id]] < each.spans]

    def _tick(self) -> str | None:
        spans = self.site.spans()
        ticks = [span.trace_id for span in spans if semconv.JOB_SCHEDULE in span.attributes]
        ran = {span.trace_id for span in spans if span.kind == "CONSUMER"}
        return next((trace_id for trace_id in ticks if trace_id in ran), None)


@pytest.fixture(params=COLUMNS, scope="module")
def column(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Column]:
    """The worker of one pool, once it has run everything."""
    pool, broker = request.param.split("-")
    if pool == "gevent" and find_spec("gevent") is None:
        pytest.skip("gevent is not installed")
    with django_db_blocker.unblock(), new_site(broker, tmp_path_factory.mktemp(request.param)) as site:
        site.env["JOBS_CONTROL"] = "1"
        column = Column(site, request.param)
        column.run()
        yield column


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.id)
def test_situation(column: Column, situation: Situation, record_property: Callable[[str, object], None]) -> None:
    record_property("situation", situation.id)
    record_property("column", column.name)
    if (reason := situation.reason(column.name)) is not None:
        record_property("not applicable", reason)
        return
    CHECKS[situation.id](Trace.among(column.spans, column.visited[situation.id]))


def test_no_span_is_an_orphan(column: Column) -> None:
    known = {(span.trace_id, span.span_id) for span in column.spans}
    assert [span.name for span in column.spans if span.parent_id and (span.trace_id, span.parent_id) not in known] == []


def test_the_ends_of_a_worker_and_of_a_burst_lose_nothing_and_mix_up_nothing(column: Column) -> None:
    trace = assert_all_there(column.site, column.visited["burst-200"], 200)
    assert sorted(trace.parent(run).span_id for run in trace.runs()) == sorted(s.span_id for s in trace.publishes())
    assert set(Counter(span.parent_id for span in trace.named("work of tick")).values()) == {1}
