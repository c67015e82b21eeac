"""The admin: who may see what, that nothing can be changed, and how it lives in sites of other people's making."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.http import HttpRequest
from django.test import Client, override_settings
from django.urls import path, reverse

from llmtrace.admin import register
from llmtrace.models import Span, SpanContent
from tests.dashboard import rows
from tests.dashboard.conftest import allowed, client_of
from tests.dashboard.rows import TRACE

pytestmark = pytest.mark.django_db

LIST, PAGE, JSON = "/admin/llmtrace/span/", f"/admin/llmtrace/trace/{TRACE}/", f"/admin/llmtrace/trace/{TRACE}/json/"

SECRET = "xyzzy-secret"
MADE_OF_SECRETS: dict[str, Any] = {
    "gen_ai.input.messages": [rows.text("user", SECRET)],
    "gen_ai.output.messages": [rows.text("assistant", SECRET)],
    "gen_ai.system_instructions": [{"type": "text", "content": SECRET}],
    "gen_ai.tool.call.arguments": {"a": SECRET},
    "gen_ai.tool.call.result": SECRET,
    "gen_ai.tool.definitions": [{"name": SECRET}],
    "gen_ai.prompt.variable.genre": SECRET,
    "llmtrace.prompt.template": SECRET,
}


@pytest.fixture
def person() -> User:
    """Someone of the staff without any permission."""
    return User.objects.create_user("ada", password="ada", is_staff=True)


@pytest.fixture
def secretive() -> Span:
    """A span with a secret wherever there can be one, also where only another writer would put it."""
    return rows.span(
        "answer",
        trace_id=TRACE,
        status="ERROR",
        error_type="ValueError",
        attributes={**MADE_OF_SECRETS, "gen_ai.prompt.0.content": SECRET, "gen_ai.request.temperature": 0.5},
        events=[
            {
                "name": "exception",
                "offset_ms": 1.0,
                "attributes": {
                    "exception.type": "ValueError",
                    "exception.message": SECRET,
                    "exception.stacktrace": SECRET,
                },
            },
            {"name": "gen_ai.content.prompt", "offset_ms": 1.0, "attributes": {"gen_ai.prompt": SECRET}},
        ],
        content={
            **MADE_OF_SECRETS,
            "status_description": SECRET,
            "events": {"0": {"exception.message": SECRET, "exception.stacktrace": SECRET}},
        },
    )


def pages(span: Span) -> list[str]:
    return [LIST, f"{LIST}?show=all", PAGE, f"{PAGE}?span={span.span_id}", JSON, f"{JSON}?span={span.span_id}"]


def test_without_the_permission_to_view_spans_nothing_is_shown(person: User, secretive: Span) -> None:
    for client in (client_of(person), client_of(allowed(person, "view_content"))):
        assert {url: client.get(url).status_code for url in pages(secretive)} == dict.fromkeys(pages(secretive), 403)
        assert b"LLM" not in client.get("/admin/").content


def test_who_is_not_logged_in_is_sent_to_the_login(secretive: Span) -> None:
    for url in pages(secretive):
        answer = Client().get(url)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")


def test_without_the_permission_to_view_content_not_a_word_of_it_leaves(person: User, secretive: Span) -> None:
    client = client_of(allowed(person, "view_span"))
    for url in pages(secretive):
        answer = client.get(url)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()
    page = client.get(PAGE).content.decode()
    assert "llmtrace.view_content" in page
    assert "ValueError" in page
    assert "Temperature" in page
    assert client.get(JSON).json()["content"] is False


def test_with_it_every_word_is_there(person: User, secretive: Span) -> None:
    client = client_of(allowed(allowed(person, "view_span"), "view_content"))
    assert client.get(PAGE).content.decode().count(SECRET) >= 10
    assert json.dumps(client.get(JSON).json()).count(SECRET) >= 10


def test_to_view_content_is_a_permission_that_the_admin_can_give() -> None:
    codenames = Permission.objects.filter(content_type__app_label="llmtrace").values_list("codename", flat=True)
    assert {"view_span", "view_content"} <= set(codenames)
    assert not [codename for codename in codenames if codename.startswith(("add_", "change_", "delete_"))]


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("span/add/", {403}),
        ("span/{pk}/change/", {403}),
        ("span/{pk}/delete/", {403}),
        ("span/?show=all", {200}),
        ("trace/{trace}/", {405}),
        ("trace/{trace}/json/", {405}),
    ],
)
def test_nothing_can_be_changed_by_anybody(secretive: Span, path: str, statuses: set[int]) -> None:
    client = client_of(User.objects.create_superuser("root"))
    url = "/admin/llmtrace/" + path.format(pk=secretive.pk, trace=TRACE)
    before = list(Span.objects.values()), list(SpanContent.objects.values())
    action = {"action": "delete_selected", "_selected_action": [secretive.pk], "index": 0}
    answers = [client.post(url, form) for form in ({"post": "yes"}, {"name": "other", "_save": "Save"}, action)]
    assert {answer.status_code for answer in answers} == statuses
    assert (list(Span.objects.values()), list(SpanContent.objects.values())) == before


def test_actions_of_the_whole_site_are_not_offered(secretive: Span, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin.site, "_actions", {"burn": lambda admin, request, spans: spans.delete()})
    client = client_of(User.objects.create_superuser("root"))
    assert "action-select" not in client.get(LIST).content.decode()
    client.post(LIST, {"action": "burn", "_selected_action": [secretive.pk], "index": 0})
    assert Span.objects.filter(pk=secretive.pk).exists()


def test_a_span_has_no_page_of_its_own_and_leads_to_its_trace(person: User, secretive: Span) -> None:
    client = client_of(allowed(person, "view_span"))
    answer = client.get(reverse("admin:llmtrace_span_change", args=[secretive.pk]))
    assert answer["Location"] == f"{PAGE}?span={secretive.span_id}"
    assert client.get(f"{LIST}999999/change/").status_code == 404
    assert client.get(f"{LIST}nonsense/change/").status_code == 404
    assert client.get(f"{LIST}{secretive.pk}/history/")["Location"] == answer["Location"]
    assert (
        client_of(User.objects.create_user("bob", is_staff=True)).get(f"{LIST}{secretive.pk}/change/").status_code
        == 403
    )


def test_the_index_leads_to_recent_spans_and_health_and_has_no_other_entry(person: User) -> None:
    page = client_of(allowed(person, "view_span")).get("/admin/").content.decode()
    assert f'<a href="{LIST}"' in page
    assert "Recent spans" in page
    assert set(re.findall(r"/admin/llmtrace/\w+/", page)) == {LIST, "/admin/llmtrace/health/"}


def test_the_folder_of_traces_leads_to_the_list(person: User) -> None:
    assert client_of(person).get("/admin/llmtrace/trace/")["Location"] == LIST


def test_the_pages_bring_no_table_and_no_migration() -> None:
    assert {model.__name__ for model in apps.get_app_config("llmtrace").get_models()} >= {"Span", "SpanContent"}
    assert "trace" not in apps.all_models["llmtrace"]
    call_command("makemigrations", "llmtrace", check=True, dry_run=True, verbosity=0)


class Backstage(admin.AdminSite):
    """A site of somebody's own, for people who are no staff."""

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active


backstage = Backstage(name="backstage")
register(backstage)
urlpatterns = [path("staff/admin/", admin.site.urls), path("behind/the/scenes/", backstage.urls)]


@override_settings(ROOT_URLCONF="tests.test_admin")
def test_on_a_site_of_ones_own_all_links_stay_on_that_site() -> None:
    rows.shop_trace()
    user = allowed(allowed(User.objects.create_user("eve"), "view_span"), "view_content")
    client = client_of(user)
    for page in ("", "llmtrace/", "llmtrace/span/?show=all", f"llmtrace/trace/{TRACE}/"):
        answer = client.get("/behind/the/scenes/" + page)
        links = set(re.findall(r'href="(/[^"]*)"', answer.content.decode())) - {"/"}
        assert [link for link in links if link.startswith("/behind/the/scenes/llmtrace/")]
        assert not [link for link in links if not link.startswith(("/behind/the/scenes/", "/static/"))]
