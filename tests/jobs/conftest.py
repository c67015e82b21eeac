"""Real workers for the tests of jobs, one host project for each broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests.databases import new_database
from tests.jobs.brokers import BROKERS, new_broker
from tests.jobs.processes import Site


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
    ):
        yield Site(folder, alias, str(connections[alias].settings_dict["NAME"]), broker)
