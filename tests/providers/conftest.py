"""What the tests of providers share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.house import House


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """All providers of the matrix, each with a server of its own."""
    with House() as house:
        yield house
