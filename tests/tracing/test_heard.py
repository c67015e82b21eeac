"""Where nobody gets the spans, as in most test suites of hosts, requests make none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client, override_settings
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmtrace.tracing import setup
from llmtrace.tracing.heard import is_heard
from tests.recorded import Recorded


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider of ours to which no test before has added anything."""
    ours = setup._OwnProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: ours)


@pytest.fixture
def nobody(alone: None) -> Iterator[None]:
    with override_settings(LLMTRACE={"EXPORTERS": []}):
        yield


def test_with_an_exporter_spans_are_heard(recorded: Recorded) -> None:
    assert is_heard()


def test_without_one_they_are_not(nobody: None) -> None:
    assert not is_heard()
    setup.connect()
    assert not is_heard()


def test_the_default_exporter_does_not_listen_in_a_test_run(alone: None) -> None:
    assert not is_heard()


def test_a_provider_of_the_hosts_is_heard(nobody: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", TracerProvider)
    assert is_heard()


def test_a_processor_that_the_host_adds_to_ours_is_heard(nobody: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = setup._OwnProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: ours)
    assert setup.connect() is ours
    assert not is_heard()
    ours.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    assert is_heard()


def test_a_request_that_nobody_hears_makes_no_span(nobody: None) -> None:
    with override_settings(ROOT_URLCONF="tests.requests.views"):
        assert Client().get("/carried/").content == b"{}"
        assert Client().get("/streamed/").getvalue() == b"012"
