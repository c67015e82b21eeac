"""The host project, with the exporters that a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.databases import new_database
from tests.losses.host import EXPORTERS, Host


@pytest.fixture
def new_host(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Callable[..., Host]]:
    """Makes the host project; arguments are its exporters, the engine of its store, and the ``QUEUE`` of each."""
    with ExitStack() as stack:

        def make(*exporters: str, engine: str = "sqlite", **queue: Any) -> Host:
            stack.enter_context(django_db_blocker.unblock())
            alias = stack.enter_context(new_database(engine, tmp_path))
            host = Host(tmp_path, alias, exporters or EXPORTERS, queue)
            stack.callback(host.close)
            return host

        yield make
