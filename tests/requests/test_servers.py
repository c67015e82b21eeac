"""Requests in real server processes: WSGI under gunicorn, ASGI under uvicorn. Spans are read where they arrive."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from llmtrace.models import Span
from project.modelserver import ModelServer
from tests.databases import new_database
from tests.requests.processes import SERVERS, Server, Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

BURST = 40
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
STRANGERS = {
    "traceparent": f"00-{TRACE}-{SPAN}-00",
    "tracestate": "x=" + "y" * 4000,
    "baggage": "user.id=admin,session.id=1," + "a=b," * 500,
}
NONSENSE = {"traceparent": "\xff" * 400, "baggage": ";;=" * 1000}


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with ModelServer(pace=0) as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, models: ModelServer, django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    with django_db_blocker.unblock(), new_database("sqlite", tmp_path) as alias:
        yield Site(tmp_path, alias, str(tmp_path / f"{alias}.sqlite3"), models.url)


@dataclass
class Visits:
    """What a server has answered, in the order of the visits, and what has arrived once it was told to stop."""

    bodies: dict[str, bytes]
    spans: list[Span]
    log: str

    def request(self, page: str) -> Span:
        """The span of the only request for that page."""
        (found,) = (span for span in self.spans if span.kind == "SERVER" and span.name.endswith(f"/{page}/"))
        return found

    def below(self, request: Span) -> list[Span]:
        return [span for span in self.spans if span.parent_id == request.span_id and span.trace_id == request.trace_id]


@pytest.fixture(scope="module", params=sorted(SERVERS))
def visits(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    models: ModelServer,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Visits]:
    """A visit to each page, then SIGTERM. Uvicorn is asked for the pages in async code, gunicorn for those in sync."""
    folder, kind = tmp_path_factory.mktemp("site"), "async" if request.param == "uvicorn" else "sync"
    with django_db_blocker.unblock(), new_database("sqlite", folder) as alias:
        site = Site(folder, alias, str(folder / f"{alias}.sqlite3"), models.url)
        with site.served(request.param) as server:
            bodies = {page: server.get(f"/{kind}/{page}/")[1] for page in ("ask", "tell")}
            leave(server, f"/{kind}/leave/", folder / "gone")
            bodies["after"] = server.get(f"/{kind}/after/")[1]
            bodies["linked"] = server.get(f"/{kind}/linked/", STRANGERS)[1]
            bodies["nonsense"] = server.get(f"/{kind}/nonsense/", NONSENSE)[1]
            bodies["fail"] = server.get(f"/{kind}/fail/")[1]
        yield Visits(bodies, site.spans(), server.log.read_text())


def leave(server: Server, url: str, gone: Path) -> None:
    """Read the beginning of a page, and go."""
    connection = server.connect()
    connection.request("GET", url)
    response = connection.getresponse()
    assert response.read(1)
    response.close()
    connection.close()
    gone.touch()


def said(span: Span) -> str:
    content: str = span.content.load()["gen_ai.output.messages"][0]["parts"][0]["content"]
    return content


def test_a_call_in_a_view_is_below_its_request(visits: Visits) -> None:
    request = visits.request("ask")
    (call,) = visits.below(request)
    assert (request.status, request.parent_id) == ("UNSET", None)
    assert (call.operation, said(call)) == ("chat", visits.bodies["ask"].decode())


def test_calls_of_a_streamed_body_are_below_its_request_which_ends_last(visits: Visits) -> None:
    request = visits.request("tell")
    call, stream = visits.below(request)
    assert said(call) + said(stream) == visits.bodies["tell"].decode()
    assert stream.outcome == "completed"
    assert request.duration_ms >= call.duration_ms + stream.duration_ms


def test_a_client_that_goes_ends_the_stream_and_its_request(visits: Visits) -> None:
    request = visits.request("leave")
    (stream,) = visits.below(request)
    assert (stream.outcome, stream.status, request.status) == ("cancelled", "UNSET", "UNSET")
    assert said(stream)
    assert stream.duration_ms <= request.duration_ms < 15_000


def test_nothing_is_left_current_for_the_next_request(visits: Visits) -> None:
    assert visits.request("after").parent_id is None
    assert len(visits.below(visits.request("after"))) == 1
    assert len({span.trace_id for span in visits.spans}) == 7


def test_what_a_stranger_says_of_traces_is_not_believed(visits: Visits) -> None:
    carried = json.loads(visits.bodies["linked"])
    linked, nonsense = visits.request("linked"), visits.request("nonsense")
    assert "baggage" not in carried
    assert TRACE not in carried["traceparent"]
    assert int(carried["traceparent"][-2:], 16) & 1, "sampled"
    assert [link["span_id"] for link in linked.links] == [SPAN]
    assert nonsense.links == []
    for request in (linked, nonsense):
        assert request.parent_id is None
        assert request.trace_id != TRACE
        assert len(visits.below(request)) == 1
    assert all(span.user_id is None and span.session_id is None for span in visits.spans)


def test_a_call_that_fails_is_an_error_of_its_request(visits: Visits) -> None:
    request = visits.request("fail")
    (call,) = visits.below(request)
    for span in (request, call):
        assert (span.status, span.error_type) == ("ERROR", "openai.InternalServerError")


def test_the_servers_log_has_nothing_from_us(visits: Visits) -> None:
    ours = [line for line in visits.log.splitlines() if "llmtrace" in line and not line.lstrip().startswith("File")]
    assert ours == []
    assert "detach" not in visits.log
    assert "w3c" not in visits.log
    assert "Exception ignored" not in visits.log


@pytest.mark.parametrize("by", sorted(SERVERS))
def test_a_server_that_is_told_to_stop_after_a_burst_loses_no_span(site: Site, by: str) -> None:
    with site.served(by) as server:
        with ThreadPoolExecutor(8) as clients:
            answers = list(clients.map(lambda _: server.get("/sync/ask/")[0], range(BURST)))
        server.stop(signal.SIGTERM)
    assert answers == [200] * BURST
    assert len(site.spans()) == 2 * BURST


def test_a_server_that_is_stopped_from_the_keyboard_loses_no_span(site: Site) -> None:
    with site.served("uvicorn") as server:
        assert server.get("/async/ask/")[0] == 200
        server.stop(signal.SIGINT)
    assert len(site.spans()) == 2


def test_a_worker_that_is_recycled_loses_no_span(site: Site) -> None:
    with site.served("gunicorn-sync", "--max-requests", "3") as server:
        assert [server.get("/sync/ask/")[0] for _ in range(9)] == [200] * 9
    assert len(site.spans()) == 18


def test_a_master_that_loads_the_site_before_it_forks_loses_no_span(site: Site) -> None:
    with site.served("gunicorn-gthread", "--preload", "--workers", "2") as server:
        assert [server.get("/sync/ask/")[0] for _ in range(10)] == [200] * 10
    assert len(site.spans()) == 20


def test_workers_of_uvicorn_lose_no_span(site: Site) -> None:
    with site.served("uvicorn", "--workers", "2") as server:
        assert [server.get("/async/ask/")[0] for _ in range(10)] == [200] * 10
    assert len(site.spans()) == 20


def test_where_the_host_instruments_the_first_request_of_a_worker_has_its_span(site: Site) -> None:
    """The site is loaded before gunicorn forks, and the host's provider is made after that."""
    with site.served("gunicorn-sync", "--config", "python:tests.requests.site.instrumented") as server:
        server.get("/sync/ask/")
    request, call = site.spans()
    assert (request.kind, request.name, request.service) == ("SERVER", "GET sync/ask/", "the host's")
    assert call.parent_id == request.span_id
