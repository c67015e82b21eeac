"""The exporter that sends spans over OTLP and knows what the backend answered."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Literal, Protocol
from urllib.parse import urlsplit

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter

from llmtrace.conf.kinds import FILE_OR_NONE
from llmtrace.conf.options import emptiness
from llmtrace.exporters.answers import REFUSED_IN_PART, TOO_LARGE, Accepted, Answer, Refused, TimedOut, TooLarge
from llmtrace.exporters.settled import Settled
from llmtrace.pipeline.outcome import Exported, RetryLater

REQUEST_BYTES: Final = 4_000_000  # a gRPC server takes 4 MiB if it was not told otherwise
SMALLEST_BYTES: Final = 16_384  # what a backend that finds requests too large is still offered in one
UNREADABLE: Final = "could not be encoded"

HTTP_ONLY: Final = frozenset({"session"})
GRPC_ONLY: Final = frozenset({"insecure", "credentials", "channel_options"})
FILES: Final = ("certificate_file", "client_key_file", "client_certificate_file")
COMPRESSIONS: Final = {"http": ("none", "gzip", "deflate"), "grpc": ("none", "gzip")}


class Wire(Protocol):
    """One way to send a request."""

    timeout: float

    def encode(self, spans: Sequence[ReadableSpan], /) -> bytes:
        """A request with `spans`."""
        ...

    def send(self, body: bytes, seconds: float) -> Answer:
        """Send one request, once, and wait `seconds` for the answer."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class OTLP(SpanExporter):
    """Sends spans over OTLP/HTTP or OTLP/gRPC.

    It takes the options of OpenTelemetry's `OTLPSpanExporter`, and what is left out comes from the same environment
    variables (``OTEL_EXPORTER_OTLP_ENDPOINT`` and so on).

    Args:
        endpoint: for HTTP the whole URL, path included; for gRPC ``https://host:port``.
        protocol: ``"http"`` (protobuf) or ``"grpc"``.
        headers: what goes along with each request, keys among them.
        timeout: seconds that one offer of a batch may take.
        compression: ``"none"``, ``"gzip"`` or, over HTTP, ``"deflate"``; or the stock exporter's enum.
        max_request_size: bytes of one request before compression; larger batches go in several.
        certificate_file: path to the certificates that the backend's is checked against.
        client_key_file: path to the key of our own certificate.
        client_certificate_file: path to our own certificate.
        session: a session of requests in place of ours; HTTP only.
        insecure: whether to do without TLS where the endpoint does not say; gRPC only.
        credentials: channel credentials; gRPC only.
        channel_options: pairs of gRPC's own options; gRPC only.
    """

    environment: ClassVar[bool] = True
    """Whether OpenTelemetry's environment variables are read."""

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        protocol: Literal["http", "grpc"] = "http",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        compression: Any = None,
        max_request_size: int = REQUEST_BYTES,
        certificate_file: str | None = None,
        client_key_file: str | None = None,
        client_certificate_file: str | None = None,
        session: Any = None,
        insecure: bool | None = None,
        credentials: Any = None,
        channel_options: Any = None,
    ) -> None:
        options = {
            "endpoint": endpoint,
            "headers": headers and dict(headers),
            "timeout": timeout,
            "compression": compression,
            "certificate_file": certificate_file,
            "client_key_file": client_key_file,
            "client_certificate_file": client_certificate_file,
            "session": session,
            "insecure": insecure,
            "credentials": credentials,
            "channel_options": channel_options,
        }
        given = {name: value for name, value in options.items() if value is not None}
        self._wire = _wire(protocol, given, self.environment)
        self._largest = self._most = max_request_size
        self._settled = Settled()

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the values of these options, in words without a value; see `llmtrace.backends`."""
        return mistake(options)

    def export(self, spans: Sequence[ReadableSpan]) -> Exported:  # type: ignore[override]
        """Send `spans`, in as many requests as it takes.

        Raises:
            llmtrace.pipeline.outcome.RetryLater: some cannot go now; offered again, only these are sent.
        """
        deadline = time.monotonic() + self._wire.timeout
        pieces = [self._settled.rest(spans)]
        try:
            while pieces:
                piece = pieces.pop()
                answer = self._offered(piece, deadline) if piece else Accepted()
                if isinstance(answer, Accepted):
                    if piece is spans and not answer.rejected and self._settled.is_empty:
                        return Exported(len(spans))
                    self._settled.arrived(piece, answer.rejected, REFUSED_IN_PART)
                elif len(piece) == 1:
                    self._settled.refused(piece[0], answer.reason)
                else:
                    pieces += reversed(parts(piece, answer.parts))
        except RetryLater:
            self._settled.keep()
            raise
        return self._settled.close(spans)

    def _offered(self, piece: Sequence[ReadableSpan], deadline: float) -> Answer:
        try:
            body = self._wire.encode(piece)
        except Exception:  # an attribute of others holds what protobuf does not
            return Refused(UNREADABLE)
        if len(body) > (self._most if len(piece) > 1 else self._largest):
            return TooLarge(TOO_LARGE, len(body) // self._most + 1)
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise TimedOut(f"the backend has not taken the whole batch within {self._wire.timeout:.1f} s")
        answer = self._wire.send(body, seconds)
        if isinstance(answer, TooLarge):
            self._most = min(self._most, max(len(body) - 1, SMALLEST_BYTES))
        return answer

    def shutdown(self) -> None:
        """Close the connection."""
        self._wire.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits in here."""
        return True


def parts(spans: Sequence[ReadableSpan], count: int) -> list[Sequence[ReadableSpan]]:
    """`spans` in `count` parts of about the same length, but at least one span in each."""
    length = max(1, -(-len(spans) // count))
    return [spans[start : start + length] for start in range(0, len(spans), length)]


def _wire(protocol: str, options: Mapping[str, Any], environment: bool) -> Wire:
    if protocol == "grpc":
        from llmtrace.exporters.otlp_grpc import GRPCWire

        return GRPCWire(options)
    from llmtrace.exporters.otlp_http import HTTPWire

    return HTTPWire(options, environment)


def mistake(options: Mapping[str, Any]) -> str | None:
    """What is wrong with the values of an `OTLP`'s options, None if nothing is seen without opening anything."""
    protocol = options.get("protocol", "http")
    if protocol not in COMPRESSIONS:
        return 'has a "protocol" that is neither "http" nor "grpc"'
    for name in sorted((HTTP_ONLY if protocol == "grpc" else GRPC_ONLY) & options.keys()):
        return f'has "{name}", which "protocol": "{protocol}" has not'
    if wrong := _wrong_endpoint(options, protocol):
        return wrong
    for name in FILES:
        if not FILE_OR_NONE.test(options.get(name)):
            return f'has a "{name}" that is not {FILE_OR_NONE.words}'
    headers = options.get("headers")
    if headers is not None and not _are_texts(headers):
        return 'has "headers" that are no dict of texts'
    compression = options.get("compression")
    if isinstance(compression, str) and compression not in COMPRESSIONS[protocol]:
        return f'has a "compression" that is none of {", ".join(COMPRESSIONS[protocol])}'
    for name in ("timeout", "max_request_size"):
        value = options.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0):
            return f'has a "{name}" that is no number above 0'
    return None


def _wrong_endpoint(options: Mapping[str, Any], protocol: str) -> str | None:
    endpoint = options.get("endpoint")
    if endpoint is None:
        return None
    if not isinstance(endpoint, str):
        return 'has an "endpoint" that is no text'
    if empty := emptiness(options, ["endpoint"]):
        return empty
    if not endpoint.startswith(("http://", "https://")):
        return 'has an "endpoint" that begins with neither http:// nor https://' if protocol == "http" else None
    return None if _names_host(endpoint) else 'has an "endpoint" that names no host'


def _names_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _are_texts(headers: Any) -> bool:
    return isinstance(headers, Mapping) and all(
        isinstance(name, str) and isinstance(value, str) for name, value in headers.items()
    )
