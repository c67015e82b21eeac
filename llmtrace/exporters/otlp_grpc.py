"""OTLP over gRPC: one request, and what came of it, over the channel of OpenTelemetry's exporter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from llmtrace.exporters.answers import (
    BAD_HEADER,
    LONGEST_AFTER_S,
    REFUSED,
    Accepted,
    Answer,
    Busy,
    NeedsPerson,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
)
from llmtrace.exporters.encoding import encoded

EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
COMPRESSIONS: Final = {"none": grpc.Compression.NoCompression, "gzip": grpc.Compression.Gzip}
CHANNEL: Final = {
    "grpc.enable_retries": 0,  # the pipe tries again
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.min_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 2000,  # by default a channel waits for up to two minutes
}

_FOR_PERSONS: Final = {
    grpc.StatusCode.UNAUTHENTICATED: "the backend does not know the key (gRPC UNAUTHENTICATED): "
    "check the keys or headers in OPTIONS",
    grpc.StatusCode.PERMISSION_DENIED: "the key may not do this (gRPC PERMISSION_DENIED): check its rights",
    grpc.StatusCode.UNIMPLEMENTED: "what is at this address takes no OTLP (gRPC UNIMPLEMENTED): "
    "check the endpoint and the protocol in OPTIONS",
    grpc.StatusCode.NOT_FOUND: "nothing is at this address (gRPC NOT_FOUND): check the endpoint in OPTIONS",
    grpc.StatusCode.FAILED_PRECONDITION: "the backend is not set up for this (gRPC FAILED_PRECONDITION): "
    "see what it means there",
}


class GRPCWire:
    """Sends one request at a time.

    Of the exporter it uses what that has made of its options and of OpenTelemetry's environment variables, and its
    channel, but not its retries, which would hold up the pipe. All that is private of it is read in `__init__`.
    """

    encode = staticmethod(encoded)

    def __init__(self, options: Mapping[str, Any]) -> None:
        """`options` are those of `OTLPSpanExporter`, and the files of certificates that its HTTP twin takes."""
        exporter: Any = OTLPSpanExporter(**_translated(options))
        self.timeout: float = exporter._timeout
        self._export = exporter._channel.unary_unary(EXPORT, None, ExportTraceServiceResponse.FromString)
        self._headers = [(name.lower(), value) for name, value in exporter._headers]
        self._shutdown = exporter.shutdown

    def send(self, body: bytes, seconds: float) -> Answer:
        """Send one request.

        Raises:
            RetryLater: the spans may be accepted later.
        """
        try:
            response = self._export(body, metadata=self._headers, timeout=seconds)
        except grpc.RpcError as error:
            return answer(error, seconds)
        except (TypeError, ValueError):
            raise NeedsPerson(BAD_HEADER) from None
        return Accepted(max(0, response.partial_success.rejected_spans))

    def close(self) -> None:
        """Close the channel."""
        self._shutdown()


def _translated(options: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(options)
    if isinstance(given.get("compression"), str):
        given["compression"] = COMPRESSIONS[given["compression"]]
    files = [given.pop(name, None) for name in ("certificate_file", "client_key_file", "client_certificate_file")]
    if any(files) and given.get("credentials") is None:
        given["credentials"] = grpc.ssl_channel_credentials(
            *(Path(file).read_bytes() if file else None for file in files)
        )
    given["channel_options"] = tuple({**CHANNEL, **dict(given.get("channel_options") or ())}.items())
    return given


def answer(error: Any, seconds: float) -> Answer:
    """What an error of gRPC means, in words that hold nothing of what the backend said.

    Raises:
        RetryLater: it says nothing against the spans.
    """
    code, details = error.code(), str(error.details() or "").lower()
    after = _after(error)
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return Refused(f"{REFUSED} (gRPC INVALID_ARGUMENT)")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "client: received message larger than" in details:
        return Accepted()  # it is the answer that is too large: the backend has taken the request
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and after is None and "larger than" in details:
        return TooLarge()
    if code in _FOR_PERSONS:
        raise NeedsPerson(_FOR_PERSONS[code])
    if code is grpc.StatusCode.INTERNAL and details == "invalid metadata":  # said by gRPC itself, before it sends
        raise NeedsPerson(BAD_HEADER)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        raise TimedOut(f"the backend has not answered within {seconds:.1f} s", after)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        raise Busy("the backend asks to be sent less (gRPC RESOURCE_EXHAUSTED)", after)
    if code is grpc.StatusCode.UNAVAILABLE and after is None:
        raise Unreachable(_network(details))
    raise Busy(f"the backend cannot take spans now (gRPC {code.name})", after)


def _network(details: str) -> str:
    """gRPC tells only in its text what UNAVAILABLE means."""
    if "certificate" in details:
        return "the certificate of the backend is not trusted: check the endpoint and certificate_file"
    if "ssl" in details or "handshake" in details:
        return "no TLS connection to the backend: check whether the endpoint is https:// or http://"
    if "refused" in details:
        return "nobody listens at the endpoint: the connection was refused"
    if "dns" in details or "resol" in details:
        return "the host of the endpoint has no address: check its name, and DNS"
    if "reset" in details or "closed" in details:
        return "the connection was cut before the backend had answered"
    return "the backend cannot be reached or cannot take spans now (gRPC UNAVAILABLE)"


def _after(error: Any) -> float | None:
    """The seconds that the backend asks for, in either of the places where backends say so."""
    metadata = dict(error.trailing_metadata() or ())
    info = RetryInfo()
    try:
        if (plain := metadata.get("google.rpc.retryinfo-bin")) is not None:
            info.ParseFromString(plain)
        elif (status := metadata.get("grpc-status-details-bin")) is not None:
            if not any(each.Unpack(info) for each in Status.FromString(status).details):
                return None
        else:
            return None
    except Exception:
        return None
    return float(min(max(info.retry_delay.seconds + info.retry_delay.nanos / 1e9, 0.0), LONGEST_AFTER_S))
