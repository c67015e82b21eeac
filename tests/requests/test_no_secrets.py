"""Secrets that requests bring to real servers: no exporter has one, and no row, file of the spool or log line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.databases import new_database
from tests.filters.leaked import files_in, leaked, rows_in
from tests.filters.told import LOGGING, health, not_the_hosts, status
from tests.requests.planting import SAMPLE, headers_of, secrets, url_of
from tests.requests.processes import Site
from tests.servers.otlp import Hoarder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TELLING = {"llmtrace_span", "llmtrace_spancontent", "OTLP", "the file", "the spool", "the server's output"}
"""Places in which something is masked, so that they are known to have been looked at."""
SERVERS: Mapping[str, tuple[str, ...]] = {
    "gunicorn-gthread": ("--limit-request-line", "0", "--limit-request-field_size", "0"),
    "uvicorn": ("--no-access-log",),
}


@pytest.fixture(scope="module", params=SERVERS)
def places(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Mapping[str, str]]:
    """All that has left a server that records what it can, by place. Uvicorn believes what the requests say."""
    folder, is_async = tmp_path_factory.mktemp("site"), request.param == "uvicorn"
    with django_db_blocker.unblock(), new_database("sqlite", folder) as alias, Hoarder() as receiver:
        site = Site(folder, alias, str(folder / f"{alias}.sqlite3"), "http://127.0.0.1:1")
        site.env |= {
            "SITE_LOGGING": json.dumps(LOGGING),
            "SITE_LLMTRACE": json.dumps({"EXPORTERS": exporters(site, receiver), "TRUST_INCOMING": is_async}),
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": ".*",
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE": ".*",
            "OTEL_SEMCONV_STABILITY_OPT_IN": "http/dup",
        }
        with site.served(request.param, *SERVERS[request.param]) as server, ThreadPoolExecutor(2) as clients:
            kind = "async" if is_async else "sync"
            urls = [
                f"/said/{kind}/{('fail', 'tell')[number % 2]}/{url_of(each)}" for number, each in enumerate(secrets())
            ]
            answers = clients.map(server.get, urls, map(headers_of, secrets()))
            assert {code for code, _ in answers} == {200, 404, 500}  # no path has the end of a line in it
        yield rows_in(alias) | {
            "OTLP": b"\n".join(receiver.bodies).decode(errors="replace"),
            "the file": (folder / "spans.jsonl").read_text(),
            "the spool": files_in(folder / "spool"),
            "the server's output": not_the_hosts(server.log.read_text()),
            "llmtrace_status": status(folder / "spool", alias),
            "the Health page": health(folder / "spool", alias),
        }


def exporters(site: Site, receiver: Hoarder) -> list[dict[str, Any]]:
    return [
        {"BACKEND": "llmtrace.exporters.Database", "SPANS": "all"},
        {"BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": {"endpoint": receiver.url}},
        {"BACKEND": "llmtrace.exporters.JSONLines", "OPTIONS": {"path": str(site.folder / "spans.jsonl")}},
        {"NAME": "console", "BACKEND": "opentelemetry.sdk.trace.export.ConsoleSpanExporter"},
        {"NAME": "away", "BACKEND": "tests.pipeline.exporters.Away", "QUEUE": {"durable": True}},
    ]


def test_no_secret_leaves_a_server(places: Mapping[str, str]) -> None:
    assert {place: left for place, text in places.items() if (left := leaked(text, SAMPLE))} == {}


def test_something_was_masked_in_each_place_that_tells_of_spans(places: Mapping[str, str]) -> None:
    assert {place for place, text in places.items() if "[REDACTED]" in text} >= TELLING


def test_headers_were_recorded_as_opentelemetrys_variables_ask_for_it(places: Mapping[str, str]) -> None:
    for header in ("request.header.authorization", "request.header.x_api_key", "response.header.set_cookie"):
        assert f"http.{header}" in places["the file"]
