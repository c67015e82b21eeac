"""People of the admin, and a real browser that looks at it over HTTP under a strict policy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import Client, override_settings
from django.test.testcases import LiveServerThread
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.services import require_or_skip


@pytest.fixture
def person(db: None) -> User:
    """Someone of the staff without any permission."""
    return User.objects.create_user("ada", password="ada", is_staff=True)


@pytest.fixture
def viewer(person: User) -> User:
    """Someone who may see spans but not what was said."""
    return allowed(person, "view_span")


@pytest.fixture
def reader(viewer: User) -> User:
    """Someone who may see spans and what was said."""
    return allowed(viewer, "view_content")


def allowed(user: User, codename: str) -> User:
    """`user` with one permission of llmtrace more."""
    user.user_permissions.add(Permission.objects.get(content_type__app_label="llmtrace", codename=codename))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def client_of_viewer(viewer: User) -> Client:
    return client_of(viewer)


@pytest.fixture
def client_of_reader(reader: User) -> Client:
    return client_of(reader)


def client_of(user: User) -> Client:
    """A client with `user` logged in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def site(transactional_db: None) -> Iterator[str]:
    """The address of the site, served over HTTP by threads, with a strict policy in every answer."""
    with override_settings(MIDDLEWARE=["tests.dashboard.csp.strict", *settings.MIDDLEWARE]):
        server = LiveServerThread("127.0.0.1", StaticFilesHandler)
        server.daemon = True
        server.start()
        server.is_ready.wait(10)
        assert server.error is None
        yield f"http://127.0.0.1:{server.port}"
        server.terminate()


class Visit:
    """A page of the browser, and what its console complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.location["url"].endswith("/favicon.ico"):
            self.complaints.append(message.text)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a screen, which talks to nobody but the site.

    Playwright keeps an event loop in this thread, where Django would refuse to ask the database.
    """
    path = require_or_skip("chromium")
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *quiet]
        )
        yield browser
        browser.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: a folder for this test, or the one that the environment names."""
    folder = Path(os.environ.get("LLMTRACE_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def session_of(user: User) -> str:
    """The key of a session in which `user` is logged in."""
    return str(client_of(user).cookies[settings.SESSION_COOKIE_NAME].value)
