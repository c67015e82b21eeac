"""The user and the session come onto a request's spans once the view has resolved them; the host notices nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import alogin, get_user_model, login, logout
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from llmtrace.tracing import visitor
from llmtrace.tracing.visitor import session_id
from tests.recorded import Recorded, attribute
from tests.requests.conftest import OURS
from tests.requests.views import work

SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"

USER, SESSION_ID = "user.id", "session.id"


def resolving(request: HttpRequest) -> HttpResponse:
    work("before")
    assert request.user.pk != -1
    work("after")
    return HttpResponse()


async def aresolving(request: HttpRequest) -> HttpResponse:
    work("before")
    await request.auser()
    work("after")
    return HttpResponse()


def untouched(request: HttpRequest) -> HttpResponse:
    work()
    return HttpResponse()


def session_only(request: HttpRequest) -> HttpResponse:
    request.session.get("nothing")
    work()
    return HttpResponse()


def beginning(request: HttpRequest) -> HttpResponse:
    request.session["begun"] = True
    return HttpResponse()


def entering(request: HttpRequest) -> HttpResponse:
    login(request, get_user_model().objects.get(username="reader"))
    work()
    return HttpResponse()


async def aentering(request: HttpRequest) -> HttpResponse:
    await alogin(request, await get_user_model().objects.aget(username="reader"))
    work()
    return HttpResponse()


def leaving(request: HttpRequest) -> HttpResponse:
    assert request.user.pk
    logout(request)
    work()
    return HttpResponse()


def late(request: HttpRequest) -> StreamingHttpResponse:
    def content() -> Any:
        yield str(request.user.pk)
        work()

    return StreamingHttpResponse(content())


urlpatterns = [
    path("resolving/", resolving),
    path("aresolving/", aresolving),
    path("untouched/", untouched),
    path("session/", session_only),
    path("beginning/", beginning),
    path("entering/", entering),
    path("aentering/", aentering),
    path("leaving/", leaving),
    path("late/", late),
]

pytestmark = pytest.mark.django_db


@pytest.fixture
def visited(recorded: Recorded, db: None) -> Any:
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[OURS, SESSION, AUTH]):
        yield recorded


@pytest.fixture
def reader(db: None) -> Any:
    return get_user_model().objects.create_user("reader", password="secret")


@pytest.fixture
def client(reader: Any) -> Client:
    client = Client()
    client.force_login(reader)
    return client


def key_of(client: Client | AsyncClient) -> str:
    return client.cookies["sessionid"].value


def test_a_view_that_looks_at_the_user_marks_the_request_and_what_follows(
    visited: Recorded, client: Client, reader: Any
) -> None:
    client.get("/resolving/")
    known = {USER: str(reader.pk), SESSION_ID: session_id(key_of(client))}
    for name in ("GET resolving/", "after"):
        span = visited.one(name)
        assert {USER: attribute(span, USER), SESSION_ID: attribute(span, SESSION_ID)} == known
    assert attribute(visited.one("before"), USER) is None
    assert attribute(visited.one("before"), SESSION_ID) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("url", ["/aresolving/", "/resolving/"])
async def test_the_same_under_asgi(visited: Recorded, url: str) -> None:
    reader = await get_user_model().objects.acreate_user("reader", password="secret")
    client = AsyncClient()
    await client.aforce_login(reader)
    await client.get(url)
    assert attribute(visited.one("after"), USER) == str(reader.pk)
    assert attribute(visited.one(f"GET {url[1:]}"), USER) == str(reader.pk)
    assert attribute(visited.one(f"GET {url[1:]}"), SESSION_ID) == session_id(key_of(client))


def test_the_session_key_is_in_no_span(visited: Recorded, client: Client) -> None:
    client.get("/resolving/")
    assert visited.all()
    assert not any(key_of(client) in span.to_json() for span in visited.all())


def test_a_view_that_resolves_nothing_stays_unknown_without_a_query_or_a_vary_header(
    visited: Recorded, client: Client, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        response = client.get("/untouched/")
    assert "Vary" not in response
    assert "Set-Cookie" not in response
    for span in visited.all():
        assert attribute(span, USER, SESSION_ID) is None


def test_a_view_that_resolves_the_user_costs_the_queries_that_it_costs_anyway(
    visited: Recorded, client: Client, django_assert_num_queries: Any
) -> None:
    with override_settings(MIDDLEWARE=[SESSION, AUTH]), django_assert_num_queries(2):
        bare = client.get("/resolving/")
    with django_assert_num_queries(2):
        assert client.get("/resolving/").headers == bare.headers


def test_a_session_without_a_user_is_known(visited: Recorded) -> None:
    client = Client()
    client.get("/beginning/")
    assert attribute(visited.one("GET beginning/"), SESSION_ID) == session_id(key_of(client))
    client.get("/session/")
    assert attribute(visited.one("work"), SESSION_ID) == session_id(key_of(client))
    assert attribute(visited.one("work"), USER) is None


def test_a_session_key_that_the_client_has_made_up_is_not_believed(visited: Recorded) -> None:
    client = Client()
    client.cookies["sessionid"] = "a" * 32
    client.get("/session/")
    assert all(attribute(span, SESSION_ID) is None for span in visited.all())


def test_nobody_is_no_user(visited: Recorded) -> None:
    Client().get("/resolving/")
    assert all(attribute(span, USER) is None for span in visited.all())


def test_who_logs_in_is_known_from_then_on(visited: Recorded, reader: Any) -> None:
    client = Client()
    client.get("/entering/")
    assert attribute(visited.one("work"), USER) == str(reader.pk)
    assert attribute(visited.one("GET entering/"), SESSION_ID) == session_id(key_of(client))


@pytest.mark.django_db(transaction=True)
async def test_who_logs_in_under_asgi_is_known_from_then_on(visited: Recorded) -> None:
    reader = await get_user_model().objects.acreate_user("reader", password="secret")
    await AsyncClient().get("/aentering/")
    assert attribute(visited.one("work"), USER) == str(reader.pk)


def test_who_logs_out_is_nobody_from_then_on(visited: Recorded, client: Client) -> None:
    client.get("/leaving/")
    assert attribute(visited.one("work"), USER) is None


def test_a_user_whom_only_the_body_looks_at_is_known_at_its_end(visited: Recorded, client: Client, reader: Any) -> None:
    response: Any = client.get("/late/")
    assert response.getvalue() == str(reader.pk).encode()
    assert attribute(visited.one("work"), USER) == str(reader.pk)
    assert attribute(visited.one("GET late/"), USER) == str(reader.pk)


@override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies")
def test_signed_cookies_are_no_session_to_go_by(visited: Recorded) -> None:
    client = Client()
    client.get("/beginning/")
    client.get("/session/")
    assert all(attribute(span, SESSION_ID) is None for span in visited.all())


def test_a_user_of_another_make_is_known_by_its_primary_key(visited: Recorded) -> None:
    class Member:
        pk = "3f2c"
        is_authenticated = True

    class Sets:
        def __init__(self, get_response: Any) -> None:
            self.get_response = get_response

        def __call__(self, request: Any) -> Any:
            request.user = Member()
            return self.get_response(request)

    globals()["Sets"] = Sets
    with override_settings(MIDDLEWARE=[OURS, f"{__name__}.Sets"]):
        Client().get("/untouched/")
    assert attribute(visited.one("work"), USER) == "3f2c"


def test_threads_of_a_request_that_look_at_once_all_know_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one comes while the first works out what stands for the session."""
    request = HttpRequest()
    request.user = get_user_model()(pk=7)
    looking, known = visitor.Visitor(request, None), []

    def looked_at_meanwhile(key: str | None) -> str | None:
        monkeypatch.undo()
        known.append(looking.trace_attributes())
        return session_id(key)

    monkeypatch.setattr(visitor, "session_id", looked_at_meanwhile)
    assert [looking.trace_attributes().user_id, known[0].user_id] == ["7", "7"]


def test_the_name_of_a_session_is_keyed(settings: Any) -> None:
    settings.SECRET_KEY = "one"
    one = session_id("key")
    settings.SECRET_KEY = "another"
    assert one is not None
    assert len(one) == 32
    assert one != session_id("key")
    assert session_id(None) is None
