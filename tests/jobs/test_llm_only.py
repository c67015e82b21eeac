"""An exporter of LLM work alone gets whole trees, in a request, in its jobs and across them, and whole traces."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from llmtrace.pipeline.sampling import LOW_64_BITS
from tests.interpreter import lines
from tests.jobs.processes import PATIENCE_S, Site
from tests.jobs.site import mixed
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SHARE: Final = 0.5
MORE: Final = 8  # requests that are there for the shares
ALL, LLM, SHARED, EVERYTHING_SHARED = "all", "llm", "shared", "everything-shared"
EXPORTERS: Final[dict[str, dict[str, Any]]] = {
    ALL: {"SPANS": "all"},
    LLM: {"SPANS": "llm"},
    SHARED: {"SPANS": "llm", "SAMPLE": SHARE},
    EVERYTHING_SHARED: {"SPANS": "all", "SAMPLE": SHARE},
}


class Sent(NamedTuple):
    """A span as an exporter got it."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str


Tree = dict[str, Sent]
"""Spans by their ids."""


class Exported(NamedTuple):
    """What each exporter got, and the trace of each page."""

    trees: dict[str, Tree]
    pages: dict[str, str]

    def tree(self, exporter: str, page: str) -> Tree:
        """The spans of one page's trace."""
        return {span.span_id: span for span in self.trees[exporter].values() if span.trace_id == self.pages[page]}


@pytest.fixture(scope="module")
def exported(site: Site) -> Exported:
    """The spans of all pages and their jobs, once everything has run and ended."""
    entries = [
        {"NAME": name, "BACKEND": "llmtrace.exporters.JSONLines", "OPTIONS": {"path": str(site.folder / name)}, **entry}
        for name, entry in EXPORTERS.items()
    ]
    store = {"BACKEND": "llmtrace.exporters.Database", "SPANS": "all"}
    site.env["JOBS_LLMTRACE"] = json.dumps({"EXPORTERS": [store, *entries], "JOBS": {"EXCLUDE": [mixed.QUIET]}})
    with site.worker("--pool", "prefork", "--concurrency", "2", "--include", mixed.__name__) as worker:
        with site.visitor() as visitor:
            pages = visitor.visit(*(page.__name__ for page in mixed.PAGES))
            for _ in range(MORE):
                visitor.visit("sent_on")
        runs = mixed.RUNS + 3 * MORE
        until(lambda: site.count(kind="CONSUMER") == runs, lambda: f"{runs} runs", PATIENCE_S)
        worker.stop()
    return Exported({name: tree_in(site.folder / name) for name in EXPORTERS}, pages)


def tree_in(path: Path) -> Tree:
    sent = [Sent(*(line.get(field) for field in Sent._fields)) for line in lines(path)]
    found = {span.span_id: span for span in sent}
    assert len(found) == len(sent)
    return found


def kept_above(span: Sent, tree: Tree, kept: Tree) -> str | None:
    """The id of the nearest ancestor that is kept, by the whole tree."""
    above = tree.get(span.parent_id or "")
    while above is not None and above.span_id not in kept:
        above = tree.get(above.parent_id or "")
    return None if above is None else above.span_id


pages_on_redis = pytest.mark.parametrize("site", ["redis"], indirect=True, scope="module")


@pages_on_redis
def test_every_kept_span_is_below_its_nearest_kept_ancestor(exported: Exported) -> None:
    everything, kept = exported.trees[ALL], exported.trees[LLM]
    assert not {span.span_id for span in everything.values() if span.parent_id not in {None, *everything}}
    assert not kept.keys() - everything.keys()
    for span in kept.values():
        assert span.parent_id == kept_above(everything[span.span_id], everything, kept), span


@pages_on_redis
def test_what_is_kept_is_llm_work_the_requests_above_it_and_what_another_process_hangs_on(exported: Exported) -> None:
    everything, kept = exported.trees[ALL], exported.trees[LLM]
    for kind in ("CLIENT", "PRODUCER", "CONSUMER"):
        assert {span for span in kept.values() if span.kind == kind} == {
            span._replace(parent_id=kept[span.span_id].parent_id) for span in everything.values() if span.kind == kind
        }
    assert Counter(span.name for span in kept.values() if span.kind == "INTERNAL") == {"parent of quiet": 1}
    asked = {span.trace_id for span in kept.values() if span.kind == "SERVER"}
    assert asked == {span.trace_id for span in everything.values() if span.kind == "SERVER"} - {
        exported.pages["nothing_asked"]
    }
    assert exported.tree(LLM, "nothing_asked") == {}


def outline(tree: Tree, parent: str | None = None) -> list[Any]:
    """Names of spans, each with the outline of what is below it."""
    below = [span for span in tree.values() if span.parent_id == parent]
    return sorted((span.name.removeprefix("tests.jobs.site.mixed."), outline(tree, span.span_id)) for span in below)


@pages_on_redis
def test_a_job_without_calls_stays_between_two_that_have_some(exported: Exported) -> None:
    asks: list[Any] = [("asks", [("chat gpt-4o-mini", [])])]
    passes_on = [("passes_on", [("publish tests.jobs.site.mixed.asks", asks)])]
    sent = [("chat gpt-4o-mini", []), ("publish tests.jobs.site.mixed.passes_on", passes_on)]
    ((_, below),) = outline(exported.tree(LLM, "sent_on"))
    assert below == [("publish tests.jobs.site.mixed.asks_through", [("asks_through", sent)])]


@pages_on_redis
@pytest.mark.parametrize(("of", "shared"), [(LLM, SHARED), (ALL, EVERYTHING_SHARED)])
def test_a_share_is_of_whole_traces_the_same_in_every_process(exported: Exported, of: str, shared: str) -> None:
    traces = defaultdict[str, Tree](dict)
    for span in exported.trees[of].values():
        traces[span.trace_id][span.span_id] = span
    chosen = {trace_id for trace_id in traces if int(trace_id, 16) & LOW_64_BITS < SHARE * (LOW_64_BITS + 1)}
    assert exported.trees[shared] == {key: span for trace_id in chosen for key, span in traces[trace_id].items()}
