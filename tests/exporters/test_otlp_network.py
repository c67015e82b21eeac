"""What `llmtrace.exporters.OTLP` does when there is no answer: nobody there, cut off, hanging, not to be trusted."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import certifi
import pytest
import requests
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from llmtrace.exporters import OTLP
from llmtrace.exporters.answers import NeedsPerson, TimedOut, Unreachable
from llmtrace.pipeline.outcome import Exported
from tests.exporters.sending import KEY, batch, exporting_to, later, names
from tests.servers.http import Script, ScriptedServer, head, reset, whole
from tests.servers.otlp import Receiver


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
    exporter._wire.timeout = 30.0  # the next one may take longer, on a busy machine
    assert exporter.export(batch()) == Exported(8)
    exporter.shutdown()


def without_end(status: int, headers: dict[str, str], piece: bytes) -> Script:
    """An answer whose status is there, and whose body never ends."""

    def write(connection: socket.socket) -> bool:
        connection.sendall(head(status, headers))
        with suppress(OSError):
            while piece:
                connection.sendall(piece)
                time.sleep(0.02)
        return connection.recv(1) != b""  # it comes back when the client has gone

    return write


LONG: Final = {"content-length": "1000000"}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(whole(200, b"no gzip", {"content-encoding": "gzip"}), id="not gzip"),
        pytest.param(reset(head(200, LONG) + b"cut"), id="cut off"),
        pytest.param(reset(head(200, {"transfer-encoding": "chunked"}) + b"none\r\n"), id="not chunked"),
        pytest.param(without_end(200, LONG, b"x"), id="drips"),
        pytest.param(without_end(200, LONG, b""), id="hangs"),
        pytest.param(without_end(200, LONG, b"x" * 1_000_000), id="floods"),
    ],
)
def test_what_is_wrong_with_the_body_of_an_answer_sends_nothing_again(answer: Script) -> None:
    with ScriptedServer() as server:
        exporter = OTLP(f"http://127.0.0.1:{server.port}/v1/traces", timeout=0.3)
        for _ in range(6):  # more than may hang at a time
            server.answers(answer)
            assert exporter.export(batch()) == Exported(8)
        assert len(server.requests) == 6
        exporter.shutdown()


def test_a_status_counts_whatever_is_wrong_with_the_body() -> None:
    lies = {"content-encoding": "gzip", "retry-after": "7"}
    with ScriptedServer() as server:
        exporter = OTLP(f"http://127.0.0.1:{server.port}/v1/traces", timeout=0.3)
        server.answers(whole(503, b"no gzip", lies), without_end(429, lies, b"x"), whole(400, b"no gzip", lies))
        assert [later(exporter, batch()).after for _ in range(2)] == [7, 7]
        assert exporter.export(batch(1)) == Exported(0, {"refused by the backend (HTTP 400)": 1})
        exporter.shutdown()


def test_requests_that_hang_for_ever_do_not_pile_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmtrace.exporters.limit.GRACE_S", 0.05)
    exporter = exporting_to(receiver, "http", timeout=0.5)  # far longer than from drip to drip: else one ends by itself
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
    exporter._wire.timeout = 30.0  # the next one may take longer, on a busy machine
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
    with ScriptedServer() as closed:
        pass  # another port: gRPC keeps the last error of one for the next channel to it
    exporter = OTLP(f"http://127.0.0.1:{closed.port}/v1/traces", protocol=protocol)  # type: ignore[arg-type]
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


@pytest.mark.parametrize("files", [["certificate_file"], ["client_certificate_file", "client_key_file"]])
def test_a_file_of_certificates_that_is_not_there_waits_for_a_person(tmp_path: Path, files: list[str]) -> None:
    options: dict[str, Any] = {name: str(tmp_path / "no.pem") for name in files}
    exporter = OTLP("https://127.0.0.1:1/v1/traces", **options)
    problem = later(exporter, batch())
    assert isinstance(problem, NeedsPerson)
    assert problem.reason == "a file with a certificate or key is not there: check certificate_file in OPTIONS"
    exporter.shutdown()
