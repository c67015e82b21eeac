"""The pages as a person sees them: in a real browser, over HTTP, under ``default-src 'self'``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings
from playwright.sync_api import Browser, expect

from tests.dashboard import rows
from tests.dashboard.conftest import Visit, session_of
from tests.dashboard.ledgers import shop_ledgers

pytestmark = pytest.mark.slow

LIST, TRACE = "/admin/llmtrace/span/", f"/admin/llmtrace/trace/{rows.TRACE}/"
HEALTH = "/admin/llmtrace/health/"
CONSOLE = {"BACKEND": "opentelemetry.sdk.trace.export.ConsoleSpanExporter", "SPANS": "llm"}
Visitor = Callable[..., Visit]


@pytest.fixture
def key(transactional_db: None) -> str:
    """The session of somebody who may do everything."""
    return session_of(User.objects.create_superuser("root", password="root"))


@pytest.fixture
def filled(key: str) -> None:
    rows.shop_trace()


@pytest.fixture
def hostile(key: str) -> None:
    run = "</pre><script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">\u202e"
    long = "w" * 200
    content = {"gen_ai.output.messages": [rows.text("assistant", run + "w" * 1_000_000)], "gen_ai.input.messages": run}
    rows.span(run + long, trace_id=rows.TRACE, model=long, user_id=run + long, service=long, content=content)


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


def test_the_policy_is_in_force_and_what_breaks_it_is_heard(visit: Visitor) -> None:
    seen = visit("/admin/llmtrace/span/")
    assert seen.complaints == []
    seen.page.evaluate("document.head.append(Object.assign(document.createElement('style'), {textContent: 'a {}'}))")
    assert any("Content Security Policy" in complaint for complaint in seen.complaints)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_drawn_in_light_and_in_dark(filled: None, visit: Visitor, pictures: Path, scheme: str) -> None:
    for name, path in {
        "list": LIST,
        "everything": f"{LIST}?show=all",
        "filtered": f"{LIST}?show=all&user_id=4711&model=o3",
        "trace": f"{TRACE}?span={'1' * 16}",
        "failed": f"{TRACE}?span={'e' * 16}",
        "missing": f"/admin/llmtrace/trace/{'0' * 32}/",
    }.items():
        seen = visit(path, color_scheme=scheme)
        seen.page.screenshot(path=pictures / f"{name}-{scheme}.png", full_page=True)
        assert [complaint for complaint in seen.complaints if "404" not in complaint] == []
        assert brightness(seen) == scheme


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_health_is_drawn_in_light_and_in_dark_and_on_a_narrow_screen(
    filled: None, visit: Visitor, pictures: Path, tmp_path: Path, scheme: str
) -> None:
    folder = tmp_path / "spool"
    folder.mkdir(0o700)
    exporters = [
        {"BACKEND": "llmtrace.exporters.Database"},
        {"NAME": "collector", **CONSOLE},
        {"NAME": "new", **CONSOLE},
    ]
    with (
        override_settings(LLMTRACE={"EXPORTERS": exporters, "SPOOL": {"DIRECTORY": str(folder)}}),
        shop_ledgers(folder),
    ):
        page = visit(LIST, color_scheme=scheme).page
        page.get_by_role("link", name="Health").click()
        expect(page.get_by_role("heading", name="What is wrong")).to_be_visible()
        seen = visit(HEALTH, color_scheme=scheme, java_script_enabled=False)
        seen.page.screenshot(path=pictures / f"health-{scheme}.png", full_page=True)
        assert seen.complaints == []
        narrow = visit(HEALTH, color_scheme=scheme, viewport={"width": 390, "height": 800})
        narrow.page.screenshot(path=pictures / f"health-narrow-{scheme}.png", full_page=True)
        assert narrow.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert brightness(narrow) == scheme


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_empty_store_tells_a_newcomer_what_to_do(visit: Visitor, pictures: Path, scheme: str) -> None:
    seen = visit(LIST, color_scheme=scheme)
    seen.page.screenshot(path=pictures / f"empty-{scheme}.png", full_page=True)
    expect(seen.page.get_by_role("heading", name="No spans yet")).to_be_visible()
    assert brightness(seen) == scheme
    assert seen.complaints == []


@pytest.mark.parametrize(("chosen", "preferred"), [("dark", "light"), ("light", "dark")])
def test_the_theme_that_is_chosen_beats_the_one_that_the_system_prefers(
    filled: None, visit: Visitor, chosen: str, preferred: str
) -> None:
    seen = visit(TRACE, color_scheme=preferred)
    seen.page.evaluate("theme => document.documentElement.dataset.theme = theme", chosen)
    assert brightness(seen) == chosen
    chip = seen.page.locator(".lt-chip").first.evaluate("chip => getComputedStyle(chip).backgroundColor")
    assert chip == {"dark": "rgb(32, 40, 45)", "light": "rgb(238, 243, 246)"}[chosen]


def test_the_way_here_looks_as_on_the_admins_own_pages(filled: None, visit: Visitor) -> None:
    look = "bar => [getComputedStyle(bar).backgroundColor, bar.getBoundingClientRect().height]"
    bars = [visit(path).page.locator(".breadcrumbs").evaluate(look) for path in (LIST, TRACE)]
    assert bars[0][0] == bars[1][0]
    assert bars[0][1] == pytest.approx(bars[1][1], abs=4)


def test_without_javascript_everything_is_still_there(filled: None, visit: Visitor) -> None:
    page = visit(LIST, java_script_enabled=False).page
    page.get_by_role("link", name="Errors").click()
    page.get_by_role("link", name="Call summarise", exact=True).click()
    page.get_by_role("complementary").get_by_text("Stack", exact=True).click()
    expect(page.get_by_text("openai.APITimeoutError: Request timed out.")).to_be_visible()
    page.get_by_role("link", name="recommend_book").click()
    expect(page.get_by_role("complementary", name="recommend_book")).to_be_visible()


def test_a_trace_can_be_read_with_the_keyboard_alone(filled: None, visit: Visitor) -> None:
    page = visit(TRACE).page
    page.get_by_role("link", name="POST /recommend/").focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="summarise_reviews")).to_be_visible()
    expect(page.locator("[aria-current=true]")).to_contain_text("attempt 1")


def test_the_waterfall_is_a_table_with_a_name_and_headings(filled: None, visit: Visitor) -> None:
    table = visit(TRACE).page.get_by_role("table", name="The spans of the trace")
    for heading in ("Span", "When", "Time", "Tokens", "Cost"):
        expect(table.get_by_role("columnheader", name=heading, exact=True)).to_have_count(1)
    assert table.get_by_role("row").count() == 14


def test_on_a_narrow_screen_what_was_said_comes_first_and_nothing_is_cut_off(
    filled: None, visit: Visitor, pictures: Path
) -> None:
    for name, path in {"list": LIST, "trace": f"{TRACE}?span={'1' * 16}"}.items():
        page = visit(path, viewport={"width": 390, "height": 800}).page
        page.screenshot(path=pictures / f"{name}-narrow.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    panel, tree = page.locator(".lt-panel").bounding_box(), page.locator(".lt-tree").bounding_box()
    assert panel
    assert tree
    assert panel["y"] < tree["y"]


def test_beside_the_filters_there_is_room_for_each_row_to_its_end(filled: None, visit: Visitor) -> None:
    page = visit(LIST, viewport={"width": 1300, "height": 850}).page
    cut = "(() => { const list = document.querySelector('.results'); return list.scrollWidth - list.clientWidth })()"
    assert page.evaluate(cut) <= 0


def test_hostile_text_neither_runs_nor_bursts_the_page(hostile: None, visit: Visitor, pictures: Path) -> None:
    for path in (f"{LIST}?show=all", TRACE):
        seen = visit(path)
        seen.page.screenshot(path=pictures / "hostile.png")
        assert seen.page.title() != "run"
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1500
        assert seen.complaints == []


def brightness(seen: Visit) -> str:
    """Whether the page is light or dark, by the colour behind it."""
    colour = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return "light" if sum(map(int, re.findall(r"\d+", colour)[:3])) > 380 else "dark"
