"""A real OTLP receiver, over HTTP and gRPC, that counts what arrives and answers as backends do on bad days.

In a test it is a context manager. As a process of its own it is for those that outlive others::

    python -m tests.servers.otlp --port-file ports.json --spans spans.txt

writes its ports to ``ports.json`` (``{"http": …, "grpc": …}``) as soon as it listens, and to ``spans.txt`` a line with
trace id and span id for each span that it took. A ``POST /behaviour`` with the fields of `Behaviour` as JSON makes it
behave so from then on; ``GET /`` answers how many requests came and how many spans were taken. It ends at SIGTERM.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import signal
import socket
import threading
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.servers.http import Received, Script, ScriptedServer, head, reset, whole

PATH: Final = "/v1/traces"
PROTOBUF: Final = {"content-type": "application/x-protobuf"}

CODES: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.UNIMPLEMENTED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}


@dataclass(frozen=True)
class Behaviour:
    """How requests are answered.

    Args:
        status: an HTTP status; over gRPC it is the code that stands for it.
        marked: spans whose name begins so are the only ones that `status` is for: a request with one gets it.
        largest: bytes of a request; a larger one gets 413. 0 for any.
        rejected: spans of each request that are not taken, which the answer says as a partial success.
        retry_after: seconds, or a date, that the answer asks for.
        how: "answer", "hang" without one, "drip" it byte by byte without an end, "reset" the connection, or "wait" for
            0.1 s before the answer.
        times: for how many requests; 0 for ever.
        then: the fields of the behaviour after these; all is well again if left out.
    """

    status: int = 200
    marked: str = ""
    largest: int = 0
    rejected: int = 0
    retry_after: str = ""
    how: str = "answer"
    times: int = 0
    then: Mapping[str, Any] = field(default_factory=dict)


class Receiver(ScriptedServer):
    """Takes spans on `port` and, over gRPC, on `grpc_port`."""

    def __init__(self, port: int = 0, grpc_port: int | None = None, spans: Path | None = None) -> None:
        """Without `grpc_port` there is no gRPC, 0 is a free port; `spans` is the file for what arrived."""
        self.spans: list[Span] = []
        self.resources: list[dict[str, Any]] = []
        self.came = 0  # requests
        self.authorities: list[dict[str, str]] = []  # the headers of each, and over HTTP the path
        self._behaviour = Behaviour()
        self._behaving = threading.Lock()
        self._over = threading.Event()
        self._file = os.open(spans, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if spans else None
        super().__init__(port)
        self.grpc_port = 0
        self._grpc = None if grpc_port is None else self._serve_grpc(grpc_port)

    @property
    def url(self) -> str:
        """The endpoint for OTLP over HTTP."""
        return f"http://127.0.0.1:{self.port}{PATH}"

    @property
    def grpc_url(self) -> str:
        """The endpoint for OTLP over gRPC."""
        return f"http://127.0.0.1:{self.grpc_port}"

    @property
    def names(self) -> list[str]:
        """The names of all that arrived, in the order in which it did."""
        with self._behaving:
            return [span.name for span in self.spans]

    def behave(self, **fields: Any) -> None:
        """From now on answer as a `Behaviour` of these fields says."""
        with self._behaving:
            self._behaviour = Behaviour(**fields)

    def close(self) -> None:
        self._over.set()
        super().close()
        if self._grpc is not None:
            self._grpc.stop(None).wait()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    # Common to both

    def _judged(self, request: ExportTraceServiceRequest, size: int) -> tuple[Behaviour, int]:
        """How this request is answered, and with which status."""
        with self._behaving:
            self.came += 1
            behaviour = self._behaviour
            if behaviour.times:
                left = behaviour.times - 1
                self._behaviour = replace(behaviour, times=left) if left else Behaviour(**behaviour.then)
            status = _status(behaviour, request, size)
            if status < 300 and behaviour.how in ("answer", "wait"):
                self._take(request, behaviour.rejected)
            return behaviour, status

    def _take(self, request: ExportTraceServiceRequest, rejected: int) -> None:
        taken = _spans(request)[rejected:]
        self.spans += taken
        self.resources += [
            {each.key: each.value.string_value for each in part.resource.attributes} for part in request.resource_spans
        ]
        if self._file is not None:
            os.write(self._file, "".join(f"{s.trace_id.hex()} {s.span_id.hex()}\n" for s in taken).encode())

    # HTTP

    def script_for(self, received: Received) -> Script:
        del self.requests[:-100]
        if received.path == "/behaviour":
            self.behave(**received.json)
            return whole(200, b"")
        if not received.path.endswith(PATH) or received.method != "POST":
            counts = {"requests": self.came, "spans": len(self.spans)}
            return whole(200 if received.path == "/" else 404, json.dumps(counts).encode())
        self.authorities.append({**received.headers, ":path": received.path})
        body = _decompressed(received)
        behaviour, status = self._judged(ExportTraceServiceRequest.FromString(body), len(body))
        return self._script(behaviour, status)

    def _script(self, behaviour: Behaviour, status: int) -> Script:
        if behaviour.how == "reset":
            return reset()
        if behaviour.how in ("hang", "drip"):
            return self._without_end(drips=behaviour.how == "drip")
        headers = {"retry-after": behaviour.retry_after} if behaviour.retry_after else {}
        if 300 <= status < 400:
            headers["location"] = "https://elsewhere.example/v1/traces"
        answer = whole(status, _response(behaviour).SerializeToString() if status == 200 else b"no", PROTOBUF | headers)
        if behaviour.how == "answer":
            return answer

        def late(connection: socket.socket) -> bool:
            self._over.wait(0.1)
            return answer(connection)

        return late

    def _without_end(self, *, drips: bool) -> Script:
        def write(connection: socket.socket) -> bool:
            if drips:
                connection.sendall(head(200, PROTOBUF)[:-2])
            while not self._over.wait(0.02):
                if drips:
                    connection.sendall(b"x")
            return False

        return write

    # gRPC

    def _serve_grpc(self, port: int) -> Any:
        server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 4 * 1024 * 1024)])
        add_TraceServiceServicer_to_server(_Servicer(self), server)  # type: ignore[no-untyped-call]
        self.grpc_port = server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        return server

    def answer_grpc(self, request: ExportTraceServiceRequest, context: Any) -> ExportTraceServiceResponse:
        """Answer a request as the servicer does."""
        self.authorities.append(dict(context.invocation_metadata()))
        behaviour, status = self._judged(request, request.ByteSize())
        if behaviour.how in ("hang", "drip"):
            while context.is_active() and not self._over.wait(0.02):
                pass
        if behaviour.how == "wait":
            self._over.wait(0.1)
        if behaviour.how == "reset":
            context.abort(grpc.StatusCode.UNAVAILABLE, "Connection reset by peer")
        if status >= 300:
            if behaviour.retry_after:
                context.set_trailing_metadata(_retry_info(status, float(behaviour.retry_after)))
            context.abort(
                CODES[status], "Received message larger than max" if status == 413 else f"no, with key {SECRET}"
            )
        return _response(behaviour)


class Hoarder(Receiver):
    """A receiver that keeps the bodies of all requests as they came."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__()

    def script_for(self, received: Received) -> Script:
        self.bodies.append(_decompressed(received))
        return super().script_for(received)


SECRET: Final = "sk-shown-by-the-server"


class _Servicer(TraceServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def Export(self, request: ExportTraceServiceRequest, context: Any) -> ExportTraceServiceResponse:  # noqa: N802
        return self._receiver.answer_grpc(request, context)


def _status(behaviour: Behaviour, request: ExportTraceServiceRequest, size: int) -> int:
    if behaviour.largest and size > behaviour.largest:
        return 413
    if behaviour.marked and not any(span.name.startswith(behaviour.marked) for span in _spans(request)):
        return 200
    return behaviour.status


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    return [span for part in request.resource_spans for scope in part.scope_spans for span in scope.spans]


def _response(behaviour: Behaviour) -> ExportTraceServiceResponse:
    response = ExportTraceServiceResponse()
    if behaviour.rejected:
        response.partial_success.rejected_spans = behaviour.rejected
        response.partial_success.error_message = f"no, with key {SECRET}"
    return response


def _decompressed(received: Received) -> bytes:
    match received.headers.get("content-encoding"):
        case "gzip":
            return gzip.decompress(received.body)
        case "deflate":
            return zlib.decompress(received.body)
    return received.body


def _retry_info(status: int, seconds: float) -> Sequence[tuple[str, bytes]]:
    """``RetryInfo`` where the specification has it, for 503 where OpenTelemetry's SDK looks for it."""
    info = RetryInfo()
    info.retry_delay.FromNanoseconds(int(seconds * 1e9))
    if status == 503:
        return [("google.rpc.retryinfo-bin", info.SerializeToString())]
    detail = AnyMessage()
    detail.Pack(info)
    return [("grpc-status-details-bin", Status(code=8, details=[detail]).SerializeToString())]


def main() -> None:
    """Receive until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--spans", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--grpc-port", type=int, default=0)
    given = parser.parse_args()
    ended = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: ended.set())
    with Receiver(given.port, given.grpc_port, given.spans) as receiver:
        whole_file = given.port_file.with_suffix(".new")
        whole_file.write_text(json.dumps({"http": receiver.port, "grpc": receiver.grpc_port}))
        whole_file.replace(given.port_file)
        ended.wait()


if __name__ == "__main__":
    main()
