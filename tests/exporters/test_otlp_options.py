"""Options of `llmtrace.exporters.OTLP`: checks find mistakes, and what it uses of OpenTelemetry is still there."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GRPCExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HTTPExporter

from llmtrace.checks import problems
from llmtrace.conf import read
from llmtrace.exporters import OTLP

SECRET = "sk-never-shown"
LEFT_OUT = {"meter_provider", "retryable_error_codes", "_transport"}
"""What the stock exporters take and ours has no use for: metrics of its own are the pipe's, as are second tries."""


def found(**options: Any) -> list[str]:
    """What the checks say of these options."""
    config = read({"EXPORTERS": [{"BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": options}]})
    told = [(problem.id, str(problem)) for problem in problems(config) if problem.where.startswith('LLMTRACE["EXP')]
    assert all(id == "llmtrace.E005" for id, _ in told)
    assert all('LLMTRACE["EXPORTERS"][0]["OPTIONS"]' in text and SECRET not in text for _, text in told)
    return [text for _, text in told]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"endpoint": "https://collector.example/v1/traces", "headers": {"authorization": SECRET}, "timeout": 3},
        {"protocol": "grpc", "endpoint": "collector:4317", "insecure": True, "compression": "gzip"},
        {"compression": "deflate", "max_request_size": 1000},
    ],
)
def test_options_that_fit_are_no_problem(options: dict[str, Any]) -> None:
    assert found(**options) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"endpiont": SECRET}, "endpiont"),
        ({"protocol": SECRET}, '"protocol" that is neither'),
        ({"protocol": "grpc", "session": object()}, '"session", which "protocol": "grpc" has not'),
        ({"insecure": True}, '"insecure", which "protocol": "http" has not'),
        ({"endpoint": f"collector:4318/{SECRET}"}, "neither http:// nor https://"),
        ({"endpoint": 4318}, "no text"),
        ({"compression": SECRET}, "none of none, gzip, deflate"),
        ({"protocol": "grpc", "compression": "deflate"}, "none of none, gzip"),
        ({"timeout": 0}, '"timeout" that is no number above 0'),
        ({"max_request_size": SECRET}, '"max_request_size" that is no number above 0'),
        ({"headers": SECRET}, '"headers" that are no dict of texts'),
        ({"headers": {"authorization": None}}, '"headers" that are no dict of texts'),
    ],
)
def test_a_mistake_is_named_and_no_value_shown(options: dict[str, Any], words: str) -> None:
    (told,) = found(**options)
    assert words in told


class Own(OTLP):
    """A class of a project's own, whose check has a mistake."""

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        raise KeyError(SECRET)


def test_a_check_that_raises_is_told_and_takes_no_other_along() -> None:
    config = read({"EXPORTERS": [{"BACKEND": f"{__name__}.Own"}, {"BACKEND": "llmtrace.exporters.OTLP"}]})
    (told,) = (str(problem) for problem in problems(config) if problem.where.startswith('LLMTRACE["EXP'))
    assert 'LLMTRACE["EXPORTERS"][0]["OPTIONS"] cannot be checked: KeyError was raised' in told
    assert SECRET not in told


@pytest.mark.parametrize("stock", [HTTPExporter, GRPCExporter])
def test_it_takes_what_the_stock_exporters_take(stock: type) -> None:
    """A new option of OpenTelemetry's shows here: take it over, or say in `LEFT_OUT` why not."""
    theirs = set(inspect.signature(stock).parameters) - LEFT_OUT
    assert theirs <= set(inspect.signature(OTLP).parameters)


def test_what_is_read_of_the_stock_exporters_private_parts_is_still_there() -> None:
    """A release of OpenTelemetry that changes them shows here and nowhere else: see `HTTPWire` and `GRPCWire`."""
    client: Any = HTTPExporter("http://127.0.0.1:1/v1/traces", headers={"X-Key": "1"}, timeout=3)._client
    assert (client._endpoint, client._timeout) == ("http://127.0.0.1:1/v1/traces", 3)
    assert client._headers["x-key"] == "1"
    assert client._headers["content-type"] == "application/x-protobuf"
    assert client._compress(b"plain") == b"plain"
    assert client._transport._session.verify is True
    exporter: Any = GRPCExporter("http://127.0.0.1:1", headers={"x-key": "1"}, timeout=3)
    assert exporter._timeout == 3
    assert list(exporter._headers) == [("x-key", "1")]
    assert callable(exporter._client.Export)
    exporter.shutdown()
