"""Applications for the tests of jobs, in the test's process and as a host project with real workers; their table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections
from opentelemetry.trace import Tracer
from pytest_django import DjangoDbBlocker

from llmtrace.tracing.setup import connect
from tests.databases import new_database
from tests.jobs.apps import Jobs
from tests.jobs.brokers import BROKERS, new_broker
from tests.jobs.model import ModelServer
from tests.jobs.processes import Site
from tests.jobs.situations import PASSED, table


@pytest.fixture
def jobs() -> Jobs:
    """An application whose jobs are traced."""
    return Jobs()


@pytest.fixture
def host() -> Tracer:
    """A tracer of the host's, in the provider that llmtrace has found."""
    return connect().get_tracer("host")


@pytest.fixture(params=BROKERS, scope="module")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Site]:
    """The host project, once on each broker."""
    with django_db_blocker.unblock(), new_site(request.param, tmp_path_factory.mktemp(request.param)) as site:
        yield site


@contextmanager
def new_site(broker: str, folder: Path) -> Iterator[Site]:
    """The host project in `folder`, with a store and a place on a broker of its own."""
    with (
        new_database("sqlite", folder) as alias,
        new_broker(broker, folder) as environment,
        ModelServer(folder) as model,
    ):
        yield Site(folder, alias, str(connections[alias].settings_dict["NAME"]), environment, model)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of situations and pools, if any were tried."""
    outcomes = {
        (told["situation"], told["column"]): "failed" if kind == "failed" else PASSED
        for kind in ("passed", "failed")
        for report in terminalreporter.stats.get(kind, ())
        if "situation" in (told := dict(report.user_properties))
    }
    if outcomes:
        terminalreporter.section("jobs: situations in each pool")
        terminalreporter.write_line(table(lambda situation, column: outcomes.get((situation.id, column), "not tried")))
