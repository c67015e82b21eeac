"""The pages as a person sees them: in a real browser, over HTTP, under ``default-src 'self'``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect

from tests.dashboard import rows
from tests.dashboard.conftest import Visit, session_of

pytestmark = pytest.mark.slow

Visitor = Callable[..., Visit]


@pytest.fixture
def key(transactional_db: None) -> str:
    """The session of somebody who may do everything."""
    return session_of(User.objects.create_superuser("root", password="root"))


@pytest.fixture
def filled(key: str) -> None:
    rows.shop_trace()


@pytest.fixture
def visit(site: str, key: str, chromium: Browser) -> Iterator[Visitor]:
    """Opens a page of the admin as somebody who is logged in."""
    contexts = []

    def go(path: str, **how: Any) -> Visit:
        context = chromium.new_context(**{"viewport": {"width": 1500, "height": 1000}, **how})
        contexts.append(context)
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": site}])
        seen = Visit(context.new_page())
        answer = seen.page.goto(site + path)
        assert answer is not None
        assert answer.headers["content-security-policy"] == "default-src 'self'"
        return seen

    yield go
    for context in contexts:
        context.close()


def test_a_person_clicks_from_the_list_to_what_was_said_in_a_call(filled: None, visit: Visitor) -> None:
    seen = visit("/admin/")
    page = seen.page
    page.get_by_role("link", name="Recent spans").first.click()
    row = page.get_by_role("row").filter(has_text="2 104 → 311")
    row.get_by_role("link", name="summarise").click()

    panel = page.get_by_role("complementary", name="summarise")
    expect(panel.get_by_text(rows.QUESTION)).to_be_visible()
    expect(panel.get_by_text(rows.ANSWER)).to_be_visible()
    expect(panel.get_by_text("find_reviews(book_id=1182, limit=38)")).to_be_visible()
    page.get_by_role("link", name="execute_tool find_reviews").click()
    expect(page.get_by_role("complementary").get_by_text("38 reviews, 4.6 of 5")).to_be_visible()
    assert seen.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_drawn_in_light_and_in_dark(filled: None, visit: Visitor, pictures: Path, scheme: str) -> None:
    for name, path in {
        "list": "/admin/llmtrace/span/",
        "everything": "/admin/llmtrace/span/?show=all",
        "trace": f"/admin/llmtrace/trace/{rows.TRACE}/?span={'1' * 16}",
        "failed": f"/admin/llmtrace/trace/{rows.TRACE}/?span={'e' * 16}",
        "missing": f"/admin/llmtrace/trace/{'0' * 32}/",
    }.items():
        seen = visit(path, color_scheme=scheme)
        seen.page.screenshot(path=pictures / f"{name}-{scheme}.png", full_page=True)
        assert seen.complaints == [] or name == "missing"
