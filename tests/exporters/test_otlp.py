"""What `llmtrace.exporters.OTLP` does with each answer, over HTTP and gRPC, against a real receiver."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any

import certifi
import pytest
import requests
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.exporters import OTLP
from llmtrace.exporters.answers import Busy, NeedsPerson, TimedOut, Unreachable
from llmtrace.pipeline.outcome import Exported, RetryLater
from llmtrace.tracing.setup import flush
from tests.pipeline.making import account, balanced, exporting, span
from tests.servers.http import ScriptedServer, reset
from tests.servers.otlp import SECRET, Receiver
from tests.store.making import ended

KEY = "sk-in-the-headers"


@pytest.fixture(scope="module")
def shared() -> Iterator[Receiver]:
    with Receiver(grpc_port=0) as receiver:
        yield receiver


@pytest.fixture
def receiver(shared: Receiver) -> Receiver:
    """A receiver that has forgotten all before."""
    shared.behave()
    shared.spans.clear()
    shared.authorities.clear()
    shared.came = 0
    return shared


@pytest.fixture(params=["http", "grpc"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def exporter(receiver: Receiver, protocol: str) -> Iterator[OTLP]:
    made = exporting_to(receiver, protocol)
    yield made
    made.shutdown()


def exporting_to(receiver: Receiver, protocol: str, **options: Any) -> OTLP:
    endpoint = receiver.grpc_url if protocol == "grpc" else receiver.url
    return OTLP(endpoint, protocol=protocol, headers={"Authorization": KEY}, **options)  # type: ignore[arg-type]


def batch(count: int = 8, *bad: int, size: int = 0) -> list[ReadableSpan]:
    """That many spans, of which those at the places `bad` are named so; `size` is the length of a text in each."""
    attributes = {"text": "x" * size, "answer": 42}
    return [ended(attributes, name=f"{'bad' if index in bad else 'span'} {index}") for index in range(count)]


def names(spans: Sequence[ReadableSpan]) -> list[str]:
    return [each.name for each in spans]


def later(exporter: OTLP, spans: Sequence[ReadableSpan]) -> RetryLater:
    """What the exporter says when it cannot send these now. No secret is ever part of it."""
    with pytest.raises(RetryLater) as raised:
        exporter.export(spans)
    assert KEY not in str(raised.value)
    assert SECRET not in str(raised.value)
    return raised.value


def test_a_batch_arrives_whole_with_its_headers(receiver: Receiver, exporter: OTLP) -> None:
    assert exporter.export(batch()) == Exported(8)
    assert receiver.names == names(batch())
    assert receiver.authorities[0]["authorization"] == KEY
    assert receiver.resources[-1] == {"service.name": "shop"}


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
    receiver.behave(status=400, marked="bad")
    broken_off = threading.Event()

    def fail_after_the_first_arrived() -> None:
        while not receiver.names:
            time.sleep(0.001)
        receiver.behave(status=503)
        broken_off.set()

    watcher = threading.Thread(target=fail_after_the_first_arrived)
    watcher.start()
    problem = None
    while not broken_off.is_set() or problem is None:
        try:
            exporter.export(spans)
        except RetryLater as error:
            problem = error
            break
        receiver.spans.clear()
    watcher.join()
    arrived = list(receiver.names)
    assert arrived
    receiver.behave()
    outcome = exporter.export(spans)
    assert (outcome.sent, sum(outcome.refused.values())) == (7, 1)
    assert receiver.names == names(spans)[1:]


@pytest.mark.parametrize("how", ["hang", "drip"])
def test_an_offer_ends_in_time_whatever_the_backend_does(receiver: Receiver, protocol: str, how: str) -> None:
    exporter = exporting_to(receiver, protocol, timeout=0.3)
    receiver.behave(how=how)
    began = time.monotonic()
    problem = later(exporter, batch())
    assert time.monotonic() - began < 3
    assert isinstance(problem, TimedOut)
    assert "0.3 s" in problem.reason
    receiver.behave()
    assert exporter.export(batch()) == Exported(8)
    exporter.shutdown()


def test_requests_that_hang_for_ever_do_not_pile_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmtrace.exporters.limit.GRACE_S", 0.05)
    exporter = exporting_to(receiver, "http", timeout=0.1)
    receiver.behave(how="drip")
    problems = [later(exporter, batch()) for _ in range(6)]
    assert all(isinstance(problem, TimedOut) for problem in problems)
    assert problems[-1].reason == "earlier requests to the backend still hang"
    assert receiver.came == 4
    exporter.shutdown()


def test_an_offer_of_many_requests_ends_in_time_and_the_next_goes_on(receiver: Receiver, protocol: str) -> None:
    exporter = exporting_to(receiver, protocol, timeout=0.35, max_request_size=10_100)
    receiver.behave(how="wait")
    spans = batch(8, size=9_000)
    problem = later(exporter, spans)
    assert isinstance(problem, TimedOut)
    assert 1 <= len(receiver.names) <= 4
    receiver.behave()
    assert exporter.export(spans) == Exported(8)
    assert len(receiver.names) <= 9  # the one that was under way when the time was over may come twice
    assert set(receiver.names) == set(names(spans))
    exporter.shutdown()


class Watching(requests.Session):
    """A session of the host's, which other instrumentations may watch."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        self.seen = is_instrumentation_enabled()
        return super().send(*args, **kwargs)


def test_requests_leave_no_spans_of_their_own(receiver: Receiver) -> None:
    session = Watching()
    exporter = exporting_to(receiver, "http", session=session)
    assert exporter.export(batch()) == Exported(8)
    assert session.seen is False
    exporter.shutdown()


def test_a_reset_and_a_closed_port_are_unreachable(receiver: Receiver, protocol: str) -> None:
    with ScriptedServer() as resetting:
        resetting.script_for = lambda received: reset()  # type: ignore[method-assign]
        exporter = OTLP(f"http://127.0.0.1:{resetting.port}/v1/traces", protocol=protocol)  # type: ignore[arg-type]
        problem = later(exporter, batch())
        assert isinstance(problem, Unreachable)
        assert protocol == "grpc" or "was cut" in problem.reason
        exporter.shutdown()
    exporter = OTLP(f"http://127.0.0.1:{resetting.port}/v1/traces", protocol=protocol)  # type: ignore[arg-type]
    problem = later(exporter, batch())
    assert isinstance(problem, Unreachable)
    assert problem.reason == "nobody listens at the endpoint: the connection was refused"
    exporter.shutdown()


def test_a_connection_that_was_closed_while_it_lay_idle_is_opened_again(receiver: Receiver) -> None:
    exporter = exporting_to(receiver, "http")
    receiver.behave(how="reset", times=1)
    assert exporter.export(batch()) == Exported(8)
    assert receiver.came == 2
    exporter.shutdown()


def test_a_host_without_an_address_is_told_from_one_that_is_down(protocol: str) -> None:
    user = "" if protocol == "grpc" else "user:sk-in-the-url@"
    exporter = OTLP(f"http://{user}nowhere.invalid:4318/v1/traces", protocol=protocol, timeout=2)  # type: ignore[arg-type]
    problem = later(exporter, batch())
    assert isinstance(problem, (Unreachable, TimedOut))
    assert "nowhere" not in problem.reason
    assert "sk-in-the-url" not in problem.reason
    exporter.shutdown()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody has signed, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(made), "-keyout", str(key)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    return made, key


@contextmanager
def tls_server(certificate: tuple[Path, Path], speaks: str) -> Iterator[int]:
    """The port of a server that shakes hands and says nothing more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.set_alpn_protocols([speaks])
    listener = socket.create_server(("127.0.0.1", 0))

    def shake_hands() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=shake_hands, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def test_a_certificate_that_is_not_trusted_is_named(
    protocol: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())  # does not come before what the options name
    with tls_server(certificate, "h2" if protocol == "grpc" else "http/1.1") as port:
        for file, told in ((None, True), (str(certificate[0]), False)):
            exporter = OTLP(
                f"https://127.0.0.1:{port}/v1/traces",
                protocol=protocol,  # type: ignore[arg-type]
                timeout=5,
                certificate_file=file,
            )
            problem = later(exporter, batch())
            assert isinstance(problem, Unreachable)
            assert ("certificate" in problem.reason) is told
            exporter.shutdown()


def test_a_header_that_cannot_be_sent_waits_for_a_person(receiver: Receiver, protocol: str) -> None:
    endpoint = receiver.grpc_url if protocol == "grpc" else receiver.url
    exporter = OTLP(endpoint, protocol=protocol, headers={"authorization": f"{KEY}\n"})  # type: ignore[arg-type]
    problem = later(exporter, batch())
    assert isinstance(problem, NeedsPerson)
    assert "header" in problem.reason
    exporter.shutdown()


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
