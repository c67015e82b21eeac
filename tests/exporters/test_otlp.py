"""What `llmtrace.exporters.OTLP` does with each answer, over HTTP and gRPC, against a real receiver."""

from __future__ import annotations

import time
from email.utils import formatdate
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource

from llmtrace.exporters import OTLP
from llmtrace.exporters.answers import Busy, NeedsPerson
from llmtrace.pipeline.outcome import Exported, RetryLater
from llmtrace.tracing.setup import flush
from tests.exporters.sending import KEY, batch, exporting_to, later, names
from tests.pipeline.making import account, balanced, exporting, span
from tests.servers.otlp import Receiver
from tests.store.making import ended


def test_a_batch_arrives_whole_with_its_headers(receiver: Receiver, exporter: OTLP) -> None:
    assert exporter.export(batch()) == Exported(8)
    assert receiver.names == names(batch())
    assert receiver.authorities[0]["authorization"] == KEY
    assert receiver.resources[-1] == {"service.name": "shop"}


def test_a_large_batch_is_one_request_in_order_that_names_each_resource_once(
    receiver: Receiver, exporter: OTLP
) -> None:
    spans = [*batch(100), ended(name="of another", resource=Resource({"service.name": "tea"}))]
    assert exporter.export(spans) == Exported(101)
    assert receiver.came == 1
    assert receiver.names == names(spans)
    assert receiver.resources == [{"service.name": "shop"}, {"service.name": "tea"}]


def test_batches_share_a_connection(receiver: Receiver) -> None:
    exporter, before = exporting_to(receiver, "http"), receiver.accepted
    for _ in range(3):
        exporter.export(batch())
    assert receiver.accepted - before == 1
    exporter.shutdown()


def test_a_line_of_netrc_does_not_come_before_the_key_of_the_options(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    exporter = exporting_to(receiver, "http")
    exporter.export(batch())
    assert receiver.authorities[0]["authorization"] == KEY
    exporter.shutdown()


@pytest.mark.parametrize("compression", ["gzip", "deflate", "none"])
def test_it_compresses(receiver: Receiver, protocol: str, compression: str) -> None:
    if (protocol, compression) == ("grpc", "deflate"):
        pytest.skip("gRPC's exporter does not")
    exporter = exporting_to(receiver, protocol, compression=compression)
    assert exporter.export(batch()) == Exported(8)
    assert len(receiver.names) == 8
    exporter.shutdown()


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (429, Busy, "sent less"),
        (500, Busy, ""),
        (503, RetryLater, "cannot take spans now"),
        (401, NeedsPerson, "check the keys or headers"),
        (403, NeedsPerson, "check its rights"),
        (404, NeedsPerson, "check the endpoint"),
    ],
)
def test_what_is_no_fault_of_the_spans_keeps_them(
    receiver: Receiver, exporter: OTLP, status: int, kind: type[RetryLater], words: str
) -> None:
    spans = batch()
    receiver.behave(status=status)
    problem = later(exporter, spans)
    assert isinstance(problem, kind)
    assert words in problem.reason
    assert (problem.after is not None and problem.after >= 60) == (kind is NeedsPerson)
    assert receiver.came == 1  # trying again is the pipe's affair
    receiver.behave()
    assert exporter.export(spans) == Exported(8)
    assert receiver.names == names(spans)


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_the_backend_asks(receiver: Receiver, exporter: OTLP, status: int) -> None:
    receiver.behave(status=status, retry_after="7")
    assert later(exporter, batch()).after == 7


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("1.5", 1.5, 1.5),
        ("in 100 s", 90, 100),
        (formatdate(0, usegmt=True), 0, 0),
        ("999999999", 3600, 3600),
        ("soon", None, None),
        ("nan", None, None),
    ],
)
def test_retry_after_is_a_time_or_a_date_and_never_for_ever(
    receiver: Receiver, header: str, least: float | None, most: float | None
) -> None:
    if header == "in 100 s":
        header = formatdate(time.time() + 100, usegmt=True)
    exporter = exporting_to(receiver, "http")
    receiver.behave(status=503, retry_after=header)
    after = later(exporter, batch()).after
    assert after is least is None or (after is not None and least is not None and least <= after <= (most or 0))
    exporter.shutdown()


@pytest.mark.parametrize("status", [302, 402, 405, 407, 415, 418])
def test_what_only_http_has_waits_for_a_person_too(receiver: Receiver, status: int) -> None:
    exporter = exporting_to(receiver, "http")
    receiver.behave(status=status)
    problem = later(exporter, batch())
    assert isinstance(problem, NeedsPerson)
    assert str(status) in problem.reason
    assert receiver.came == 1  # a redirect is not followed
    exporter.shutdown()


def test_a_span_that_is_refused_is_found_and_the_others_arrive(receiver: Receiver, exporter: OTLP) -> None:
    receiver.behave(status=400, marked="bad")
    spans = batch(64, 5, 40, 41)
    outcome = exporter.export(spans)
    assert outcome.sent == 61
    assert [(reason[:22], count) for reason, count in outcome.refused.items()] == [("refused by the backend", 3)]
    assert receiver.names == [name for name in names(spans) if name.startswith("span")]


def test_a_request_that_is_too_large_is_halved_and_the_size_learnt(receiver: Receiver, exporter: OTLP) -> None:
    receiver.behave(largest=40_000)
    assert exporter.export(batch(16, size=10_000)) == Exported(16)
    assert len(receiver.names) == 16
    came = receiver.came
    assert exporter.export(batch(16, size=10_000)) == Exported(16)
    assert receiver.came - came <= 8  # none of them too large
    receiver.behave(largest=1)
    assert exporter.export(batch(2)) == Exported(0, {"too large for the backend": 2})


def test_a_real_grpc_server_finds_a_message_too_large(receiver: Receiver) -> None:
    exporter = exporting_to(receiver, "grpc", max_request_size=100_000_000)
    assert exporter.export(batch(8, size=1_000_000)) == Exported(8)
    exporter.shutdown()


def test_an_answer_that_is_too_large_for_grpc_is_an_answer(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    long = ExportTraceServiceResponse()
    long.partial_success.error_message = "x" * 5_000_000
    monkeypatch.setattr("tests.servers.otlp._response", lambda behaviour: long)
    exporter = exporting_to(receiver, "grpc")
    assert exporter.export(batch()) == Exported(8)
    assert receiver.names == names(batch())
    exporter.shutdown()


def test_requests_are_bounded_before_they_are_sent(receiver: Receiver, protocol: str) -> None:
    exporter = exporting_to(receiver, protocol, max_request_size=50_000)
    spans = batch(20, size=10_000)
    spans.insert(3, ended({"text": "x" * 60_000}, name="huge"))
    assert exporter.export(spans) == Exported(20, {"too large for the backend": 1})
    assert receiver.names == names(batch(20))
    assert 5 <= receiver.came <= 12
    exporter.shutdown()


def test_what_the_backend_takes_only_in_part_is_counted(receiver: Receiver, exporter: OTLP) -> None:
    receiver.behave(rejected=3)
    assert exporter.export(batch()) == Exported(5, {"refused by the backend as part of a request": 3})
    receiver.behave(rejected=100)
    assert exporter.export(batch()) == Exported(0, {"refused by the backend as part of a request": 8})


def test_an_answer_in_json_is_understood_and_any_other_is_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    from llmtrace.exporters.otlp_http import rejected

    assert rejected(b'{"partialSuccess": {"rejectedSpans": "2"}}', "application/json; charset=utf-8") == 2
    for body in (b"{}", b"[]", b"", b"{", b'{"partialSuccess": null}', b'{"partialSuccess": {"rejectedSpans": -1}}'):
        assert rejected(body, "application/json") == 0
    for body in (b"", b"OK", b"\xff" * 100, b"<html>"):
        assert rejected(body, "text/plain") == 0


def test_what_had_arrived_or_was_refused_is_not_sent_again_with_the_rest(receiver: Receiver, exporter: OTLP) -> None:
    spans = batch(8, 0)
    receiver.behave(status=400, marked="bad", times=5, then={"status": 503})  # 8, 4, 2 and 1 spans, then the good one
    later(exporter, spans)
    assert receiver.names == ["span 1"]
    receiver.behave()
    outcome = exporter.export(spans)
    assert (outcome.sent, sum(outcome.refused.values())) == (7, 1)
    assert receiver.names == names(spans)[1:]


def test_a_span_that_cannot_be_encoded_takes_no_other_along(receiver: Receiver, exporter: OTLP) -> None:
    spans = batch(4)
    spans[2] = ended(name="unreadable \ud800")
    outcome = exporter.export(spans)
    assert (outcome.sent, dict(outcome.refused)) == (3, {"could not be encoded": 1})
    assert receiver.names == ["span 0", "span 1", "span 3"]


def test_in_its_pipe_it_is_tried_again_and_the_numbers_are_right(receiver: Receiver, protocol: str) -> None:
    endpoint = receiver.grpc_url if protocol == "grpc" else receiver.url
    options = {"endpoint": endpoint, "protocol": protocol}
    with exporting({"BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": options}):
        receiver.behave(status=503, times=2)
        span("one")
        span("two")
        assert flush(10)
        receiver.behave(status=400, marked="bad")
        span("bad")
        span("three")
        assert flush(10)
        numbers = account("OTLP")
    assert sorted(receiver.names) == ["one", "three", "two"]
    assert (numbers.sent, sum(numbers.dropped.values())) == (3, 1)
    assert balanced(numbers)


def test_options_come_from_opentelemetrys_variables_where_they_are_left_out(
    receiver: Receiver, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = receiver.grpc_url if protocol == "grpc" else f"http://127.0.0.1:{receiver.port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", base)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=books")
    exporter = OTLP(protocol=protocol)  # type: ignore[arg-type]
    assert exporter.export(batch()) == Exported(8)
    assert receiver.authorities[0]["x-tenant"] == "books"
    exporter.shutdown()
