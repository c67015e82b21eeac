"""Applications for the tests of jobs: in the test's process, and as a host project with real workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from opentelemetry.trace import Tracer
from pytest_django import DjangoDbBlocker

from llmtrace.tracing.setup import connect
from tests.databases import new_database
from tests.jobs.apps import Jobs
from tests.jobs.brokers import BROKERS, new_broker
from tests.jobs.processes import Site
from tests.servers.http import ScriptedServer


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
    folder: Path = tmp_path_factory.mktemp(request.param)
    with (
        django_db_blocker.unblock(),
        new_database("sqlite", folder) as alias,
        new_broker(request.param, folder) as broker,
        ScriptedServer() as model,
    ):
        yield Site(folder, alias, str(connections[alias].settings_dict["NAME"]), broker, model)
