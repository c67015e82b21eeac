"""Secrets that a real worker meets: no exporter has one, and no row, file of the spool or line of llmtrace's log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from llmtrace.models import RunningSpan
from tests.filters.leaked import files_in, leaked, rows_in
from tests.filters.told import LOGGING, health, not_the_hosts, status
from tests.jobs.conftest import new_site
from tests.jobs.planting import FEW, OPEN, QUIET, SAMPLE, secrets
from tests.jobs.processes import PATIENCE_S, Site
from tests.servers.otlp import Hoarder
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

RUNS = 3  # of each text: two of the job that fails, and one of another
STAYING = 1  # the job that is open for long
PREFORK = ("--pool", "prefork", "--concurrency", "2", "--prefetch-multiplier", "1")
TELLING = {
    *("llmtrace_span", "llmtrace_spancontent", "llmtrace_runningspan while jobs run"),
    *("OTLP", "the file", "the spool", "the worker's output"),
}
"""Places in which something is masked, so that they are known to have been looked at."""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[Mapping[str, str]]:
    """All that has left a worker and the process that sends it jobs, by place."""
    folder = tmp_path_factory.mktemp("site")
    with django_db_blocker.unblock(), new_site("filesystem", folder) as site, Hoarder() as receiver:
        site.env["JOBS_LOGGING"] = json.dumps(LOGGING)
        site.env["JOBS_LLMTRACE"] = json.dumps({"EXPORTERS": exporters(site, receiver), "EXIT_TIMEOUT": 1.0})
        with ThreadPoolExecutor(1) as background:
            visit = background.submit(site.visit, "say_for_long", "say")
            with site.worker(*PREFORK) as worker:
                visit.result()
                shown = RunningSpan.objects.using(site.alias).filter(name__startswith="work ")
                until(lambda: shown.count() == OPEN, "open spans are shown as running", PATIENCE_S)
                found = {f"{table} while jobs run": rows for table, rows in rows_in(site.alias).items()}
                (folder / "seen").touch()
                jobs = RUNS * len(secrets()) + FEW + STAYING
                until(lambda: site.count(kind="CONSUMER") == jobs, "all jobs have run", PATIENCE_S)
                worker.stop()
        yield (
            found
            | rows_in(site.alias)
            | {
                "OTLP": b"\n".join(receiver.bodies).decode(errors="replace"),
                "the file": (folder / "spans.jsonl").read_text(),
                "the spool": files_in(folder / "spool"),
                "the worker's output": not_the_hosts(worker.log.read_text()),
                "the sender's output": not_the_hosts((folder / "visitor.log").read_text()),
                "llmtrace_status": status(folder / "spool", site.alias),
                "the Health page": health(folder / "spool", site.alias),
            }
        )


def exporters(site: Site, receiver: Hoarder) -> list[dict[str, Any]]:
    return [
        {"BACKEND": "llmtrace.exporters.Database", "SPANS": "all"},
        {"BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": {"endpoint": receiver.url}},
        {"BACKEND": "llmtrace.exporters.JSONLines", "OPTIONS": {"path": str(site.folder / "spans.jsonl")}},
        {"BACKEND": "llmtrace.exporters.Console", "OPTIONS": {"content": True, "stream": "stderr"}},
        {"NAME": "away", "BACKEND": "tests.pipeline.exporters.Away"},
    ]


def test_no_secret_leaves_a_worker_or_its_sender(places: Mapping[str, str]) -> None:
    assert {place: left for place, text in places.items() if (left := leaked(text, SAMPLE))} == {}


def test_something_was_masked_in_each_place_that_tells_of_spans(places: Mapping[str, str]) -> None:
    assert {place for place, text in places.items() if "[REDACTED]" in text} >= TELLING


def test_what_only_a_job_is_told_is_nowhere(places: Mapping[str, str]) -> None:
    """Its arguments, headers, baggage, state and result."""
    assert [place for place, text in places.items() if QUIET in text] == []
