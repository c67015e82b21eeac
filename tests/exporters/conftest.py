"""An OTLP receiver, and the exporter that sends to it over HTTP and over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmtrace.exporters import OTLP
from tests.exporters.sending import exporting_to
from tests.servers.otlp import Receiver


@pytest.fixture(scope="module")
def shared_receiver() -> Iterator[Receiver]:
    with Receiver(grpc_port=0) as receiver:
        yield receiver


@pytest.fixture
def receiver(shared_receiver: Receiver) -> Receiver:
    """A receiver that has forgotten all before."""
    shared_receiver.behave()
    shared_receiver.spans.clear()
    shared_receiver.resources.clear()
    shared_receiver.authorities.clear()
    shared_receiver.came = 0
    return shared_receiver


@pytest.fixture(params=["http", "grpc"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def exporter(receiver: Receiver, protocol: str) -> Iterator[OTLP]:
    made = exporting_to(receiver, protocol)
    yield made
    made.shutdown()
