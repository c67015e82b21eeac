"""Options of `llmtrace.exporters.OTLP`: checks find mistakes, and what it uses of OpenTelemetry is still there."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GRPCExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HTTPExporter

from llmtrace.checks import problems
from llmtrace.conf import read
from llmtrace.exporters import OTLP
from llmtrace.pipeline.account import UNMADE
from llmtrace.tracing.setup import flush
from tests.pipeline.making import account, exporting, span
from tests.servers.otlp import Receiver

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
        {"protocol": "grpc", "endpoint": "unix:///run/collector.sock"},
        {"compression": "deflate", "max_request_size": 1000},
        {"endpoint": None, "certificate_file": Path("/etc/ca.pem"), "client_key_file": "/etc/key.pem"},
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
        ({"endpoint": ""}, 'an empty "endpoint"'),
        ({"endpoint": " "}, 'an empty "endpoint"'),
        ({"protocol": "grpc", "endpoint": ""}, 'an empty "endpoint"'),
        ({"endpoint": "https:///v1/traces"}, 'an "endpoint" that names no host'),
        ({"endpoint": "http://:4318/v1/traces"}, 'an "endpoint" that names no host'),
        ({"endpoint": "http://[/v1/traces"}, 'an "endpoint" that names no host'),
        ({"protocol": "grpc", "endpoint": "https://:4317"}, 'an "endpoint" that names no host'),
        ({"certificate_file": ""}, 'a "certificate_file" that is not a path'),
        ({"certificate_file": False}, 'a "certificate_file" that is not a path'),
        ({"client_key_file": ""}, 'a "client_key_file" that is not a path'),
        ({"client_certificate_file": ""}, 'a "client_certificate_file" that is not a path'),
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


def test_nothing_is_sent_where_the_address_was_to_come_from_a_variable_that_is_not_set(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{receiver.port}")
    monkeypatch.delenv("SHOP_COLLECTOR", raising=False)
    options = {"endpoint": os.environ.get("SHOP_COLLECTOR", "")}
    with exporting({"BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": options}):
        span("GET /")
        assert flush(10)
        assert account("OTLP").dropped == {UNMADE: 1}
    assert receiver.spans == []
    assert 'LLMTRACE["EXPORTERS"][0]["OPTIONS"] has an empty "endpoint"' in caplog.text


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
    """A release of OpenTelemetry that changes them shows here: see `HTTPWire` and `GRPCWire`."""
    client: Any = HTTPExporter("http://127.0.0.1:1/v1/traces", headers={"X-Key": "1"}, timeout=3)._client
    assert (client._endpoint, client._timeout) == ("http://127.0.0.1:1/v1/traces", 3)
    assert client._headers["x-key"] == "1"
    assert client._headers["content-type"] == "application/x-protobuf"
    assert client._compress(b"plain") == b"plain"
    assert client._transport._session.verify is True
    exporter: Any = GRPCExporter("http://127.0.0.1:1", headers={"x-key": "1"}, timeout=3)
    assert exporter._timeout == 3
    assert list(exporter._headers) == [("x-key", "1")]
    assert callable(exporter._channel.unary_unary)
    exporter.shutdown()
