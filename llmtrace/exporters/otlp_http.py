"""OTLP over HTTP: one request, and what came of it, over the connection of OpenTelemetry's exporter."""

from __future__ import annotations

import json
import netrc  # noqa: F401  # else requests imports it with the first batch, and a fork in the middle of it hangs in its child
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import requests
from opentelemetry.exporter.otlp.common.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from urllib3.exceptions import HTTPError

from llmtrace.exporters.answers import BAD_HEADER, Accepted, Answer, NeedsPerson, TimedOut, Unreachable, of_status
from llmtrace.exporters.encoding import encoded
from llmtrace.exporters.limit import Limit

MOST_OF_AN_ANSWER: Final = 64 * 1024  # bytes of it that are read
PROTOCOL_HEADERS: Final = ("content-type", "content-encoding", "user-agent")
TRIES: Final = 2  # a connection that has lain idle may turn out to be closed only when it is used


class HTTPWire:
    """Sends one request at a time.

    Of the exporter it uses what that has made of its options and of OpenTelemetry's environment variables, and its
    connection, but neither its retries, which would hold up the pipe, nor its result, which has no status. All that is
    private of it is read in `__init__`.
    """

    encode = staticmethod(encoded)

    def __init__(self, options: Mapping[str, Any], environment: bool = True) -> None:
        """Open nothing yet.

        Args:
            options: those of `OTLPSpanExporter`.
            environment: whether headers, certificates and sessions of OpenTelemetry's environment variables are used.
                They may hold the keys of another backend, and its certificates.
        """
        given = dict(options)
        if not environment:
            given.setdefault("session", requests.Session())
        if isinstance(given.get("compression"), str):
            given["compression"] = Compression.from_str(given["compression"])
        client: Any = OTLPSpanExporter(**given)._client
        self.timeout: float = client._timeout
        self._session: requests.Session = client._transport._session
        self._endpoint = client._endpoint
        self._headers = client._headers
        self._compress = client._compress
        has_key = self._session.auth is None and any(name.lower() == "authorization" for name in self._headers)
        self._auth = _as_it_is if has_key else None  # else a line of ~/.netrc would come before the header
        self._limit: Limit[bytes] = Limit()
        if not environment:
            own = {*PROTOCOL_HEADERS, *(name.lower() for name in given.get("headers", {}))}
            self._headers = {name: value for name, value in self._headers.items() if name.lower() in own}
            self._session.verify = given.get("certificate_file", True)
            self._session.cert = None

    def send(self, body: bytes, seconds: float) -> Answer:
        """Send one request.

        Raises:
            RetryLater: the spans may be accepted later.
        """
        data = self._compress(body)
        heard: list[requests.Response] = []
        try:
            said = self._limit.run(lambda: self._sent(data, seconds, heard), seconds)
        except TimedOut:
            if not heard:
                raise
            said = b""
        return _answer(heard[-1], said)

    def _sent(self, data: bytes, seconds: float, heard: list[requests.Response]) -> bytes:
        """Send one request; what its answer says goes to `heard` as soon as its status is there."""
        until = time.monotonic() + seconds
        for tries_left in reversed(range(TRIES)):
            try:
                heard.append(self._posted(data, seconds))
                break
            except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
                if not tries_left or not _was_cut(error):
                    raise problem(error, seconds) from None
        return _body(heard[-1], until)

    def _posted(self, data: bytes, seconds: float) -> requests.Response:
        return self._session.post(
            self._endpoint,
            data,
            headers=self._headers,
            timeout=seconds,
            allow_redirects=False,  # the headers may hold keys
            stream=True,  # `_body` reads it, and not for ever
            verify=self._session.verify,  # else REQUESTS_CA_BUNDLE would come before `certificate_file`
            auth=self._auth,
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _body(response: requests.Response, until: float) -> bytes:
    """What can be read of an answer until then, in seconds of `time.monotonic`: a server may let it drip for ever.

    Nothing here can be a reason to send again what the status has settled.
    """
    body = bytearray()
    with response, suppress(HTTPError, OSError, ValueError):
        while len(body) < MOST_OF_AN_ANSWER and time.monotonic() < until and (read := _next_of(response.raw)):
            body += read
    return bytes(body)


def _next_of(raw: Any) -> bytes:
    """At least a byte, and none at the end; before urllib3 2.2 to ask for more is to wait for all of that."""
    size, read = (MOST_OF_AN_ANSWER, raw.read1) if hasattr(raw, "read1") else (1, raw.read)
    return bytes(read(size, decode_content=True))


def _answer(response: requests.Response, body: bytes) -> Answer:
    if not 200 <= response.status_code < 300:
        return of_status(response.status_code, response.headers.get("Retry-After"))
    return Accepted(rejected(body, response.headers.get("Content-Type", "")))


def rejected(body: bytes, content_type: str) -> int:
    """How many spans a successful answer says were not taken; 0 where it says nothing that can be understood."""
    try:
        if "json" in content_type:
            return max(0, int(json.loads(body)["partialSuccess"]["rejectedSpans"]))
        return max(0, int(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans))
    except Exception:
        return 0


def problem(error: BaseException, seconds: float) -> Unreachable | TimedOut | NeedsPerson:
    """What an error of the connection means, in words that hold nothing of the address or the headers."""
    causes = list(_causes(error))
    if any(isinstance(each, (requests.exceptions.InvalidHeader, UnicodeError)) for each in causes):
        return NeedsPerson(BAD_HEADER)
    if any(isinstance(each, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)) for each in causes):
        return NeedsPerson("the endpoint is no URL: check it in OPTIONS")
    if any(isinstance(each, requests.exceptions.MissingSchema) for each in causes):
        return NeedsPerson("the endpoint does not begin with http:// or https://: check it in OPTIONS")
    if any("TLS" in str(each) and "invalid path" in str(each) for each in causes):  # requests has no class for it
        return NeedsPerson("a file with a certificate or key is not there: check certificate_file in OPTIONS")
    if any(isinstance(each, requests.exceptions.ProxyError) for each in causes):
        return Unreachable("the proxy on the way does not work: check HTTPS_PROXY")
    if any(isinstance(each, (requests.exceptions.SSLError, ssl.SSLError)) for each in causes):
        return _tls(causes)
    if any(isinstance(each, requests.exceptions.Timeout) for each in causes):
        return TimedOut(f"the backend has not answered within {seconds:.1f} s")
    return Unreachable(_network(causes))


def _tls(causes: Sequence[BaseException]) -> Unreachable:
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
        return Unreachable("the certificate of the backend is not trusted: check the endpoint and certificate_file")
    return Unreachable("no TLS connection to the backend: check whether the endpoint is https:// or http://")


def _network(causes: Sequence[BaseException]) -> str:
    if any(isinstance(each, ConnectionRefusedError) for each in causes):
        return "nobody listens at the endpoint: the connection was refused"
    if any(type(each).__name__ in ("NameResolutionError", "gaierror") for each in causes):
        return "the host of the endpoint has no address: check its name, and DNS"
    if _was_cut(*causes):
        return "the connection was cut before the backend had answered"
    return "the backend cannot be reached"


def _was_cut(*errors: BaseException) -> bool:
    causes = [each for error in errors for each in _causes(error)]
    return any(
        isinstance(each, (ConnectionResetError, BrokenPipeError)) or type(each).__name__ == "ProtocolError"
        for each in causes
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it was made of: requests keeps urllib3's in its arguments, urllib3 as `reason`."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        each = waiting.pop()
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [*each.args, each.__cause__, each.__context__, getattr(each, "reason", None)]
