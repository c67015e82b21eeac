"""The shop's pages, visited over HTTP while the demonstration runs."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from project.demo.browser import Browser, Page
from tests.project.demonstration import BEGINS, Demonstration, environment, processes, running, until
from tests.services import ROOT

INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(BEGINS)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    var = tmp_path_factory.mktemp("demo")
    with running(var) as ready:
        yield ready
        assert ready.end() == 0
    assert processes(var) == {}


@pytest.fixture
def browser(demo: Demonstration) -> Browser:
    """Somebody who has come in and is not logged in."""
    visitor = Browser(demo.site)
    assert visitor.get("/").status == 200
    return visitor


@pytest.fixture
def admin(demo: Demonstration) -> Browser:
    visitor = Browser(demo.site)
    assert visitor.log_in("admin", "admin")
    assert visitor.get("/").status == 200
    return visitor


def trace_page(admin: Browser, page: Page) -> Page:
    """The trace in the admin that the page links to, once its spans are there."""
    assert page.trace_link is not None, page.text
    link = page.trace_link
    until(lambda: admin.get(link).status == 200, 20)
    return admin.get(link)


def test_a_visitor_gets_a_recommendation_without_logging_in(browser: Browser) -> None:
    page = browser.post("/ask/", {"wish": "Something calm", "genre": "fantasy"})
    assert page.status == 200
    assert "book of fantasy" in page.text
    assert page.trace_id is not None


def test_the_link_leads_to_the_trace_with_the_call_in_it(admin: Browser) -> None:
    page = admin.post("/ask/", {"wish": "A book about rivers", "genre": ""})
    trace = trace_page(admin, page)
    assert "recommend" in trace.text
    assert "A book about rivers" in trace.text


def test_the_conversation_goes_on_until_a_new_one_is_begun(browser: Browser) -> None:
    browser.post("/ask/", {"wish": "The first wish", "genre": ""})
    browser.post("/ask/", {"wish": "The second wish", "genre": ""})
    home = browser.get("/").text
    assert "The first wish" in home
    assert "The second wish" in home
    browser.post("/forget/", {})
    assert "The first wish" not in browser.get("/").text


def test_what_a_visitor_writes_is_escaped(browser: Browser) -> None:
    for path in ("/ask/", "/tell/", "/tell/sync/"):
        page = browser.post(path, {"wish": "<img src=x onerror=alert(1)>", "genre": ""})
        assert "<img" not in page.text
        assert "&lt;img" in page.text


@pytest.mark.parametrize("path", ["/tell/", "/tell/sync/"])
def test_a_streamed_page_is_whole_and_links_to_its_trace(browser: Browser, path: str) -> None:
    page = browser.post(path, {"wish": "A classic, please", "genre": ""})
    assert page.status == 200
    assert "It is a classic that people press into the hands of their friends." in page.text
    assert page.text.rstrip().endswith("</html>")
    assert page.trace_id is not None


def test_the_async_view_sends_the_page_while_the_model_writes(demo: Demonstration) -> None:
    """The first bytes are here long before the last: they come in many pieces."""
    opener = build_opener(HTTPCookieProcessor())
    with opener.open(demo.site + "/") as home:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', home.read().decode())
    assert token
    data = urlencode({"wish": "A mystery", "genre": "", "csrfmiddlewaretoken": token[1]}).encode()
    with opener.open(Request(demo.site + "/tell/", data)) as answer:
        assert isinstance(answer, http.client.HTTPResponse)
        pieces = [piece.decode() for piece in iter(lambda: answer.read1(65536), b"")]
    assert len(pieces) > 10
    assert "</html>" not in pieces[0]


def test_a_form_that_is_not_filled_in_is_shown_again(browser: Browser) -> None:
    page = browser.post("/ask/", {"wish": "", "genre": ""})
    assert page.status == 400
    assert "This field is required." in page.text
    assert browser.post("/jobs/", {"book": "0", "job": "one"}).status == 400
    assert browser.post("/jobs/", {"book": "1", "job": "no such"}).status == 400


@pytest.mark.parametrize(
    ("job", "words"), [("one", "agree on this much"), ("chain", "Die Leser"), ("retried", "agree")]
)
def test_a_job_is_shown_until_its_result_is_there(admin: Browser, job: str, words: str) -> None:
    page = admin.post("/jobs/", {"book": "1", "job": job})
    assert page.status == 200
    assert page.trace_id is not None
    until(lambda: "<strong>SUCCESS</strong>" in admin.get(page.path).text, 30)
    assert words in admin.get(page.path).text


def test_a_summary_comes_to_stand_on_the_shelf(admin: Browser) -> None:
    admin.post("/jobs/", {"book": "2", "job": "one"})
    until(lambda: "Readers" in admin.get("/").text or "readers agree" in admin.get("/").text, 30)


def test_a_job_page_with_an_address_that_names_no_trace_shows_no_link(browser: Browser) -> None:
    page = browser.get("/jobs/00000000-0000-0000-0000-000000000000/?trace=%22%3E%3Cb%3E")
    assert page.status == 200
    assert page.trace_id is None
    assert "<b>" not in page.text


def test_a_failing_call_is_shown_with_the_hosts_own_words(admin: Browser) -> None:
    page = admin.post("/fail/", {})
    assert page.status == 502
    assert "does not exist or you do not have access to it" in page.text
    assert "NotFoundError" in trace_page(admin, page).text


def test_no_page_has_an_inline_script_or_style(browser: Browser) -> None:
    asked = {"wish": "Anything", "genre": ""}
    pages = [browser.get("/"), browser.post("/ask/", asked), browser.post("/tell/", asked), browser.post("/fail/", {})]
    for page in pages:
        assert INLINE.search(page.text) is None, page.text


def test_its_style_is_served(demo: Demonstration, browser: Browser) -> None:
    assert "light-dark" in browser.get("/static/shop/shop.css").text
    assert browser.get("/static/admin/css/base.css").status == 200
    assert urlsplit(demo.site).hostname == "127.0.0.1"


def test_its_migrations_and_settings_are_in_order(tmp_path: Path) -> None:
    for asked in (["makemigrations", "--check", "--dry-run"], ["check", "--fail-level", "WARNING"]):
        done = subprocess.run(
            [sys.executable, "manage.py", *asked], cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"api_key": "sk-local", "base_url": "http://127.0.0.1:8100/v1"}),
        ({"MODEL_SERVER": "http://127.0.0.1:9/v1"}, {"api_key": "sk-local", "base_url": "http://127.0.0.1:9/v1"}),
        ({"OPENAI_API_KEY": "sk-real"}, {"api_key": "sk-real"}),
    ],
)
def test_the_real_host_answers_when_there_is_a_key(
    tmp_path: Path, given: dict[str, str], expected: dict[str, str]
) -> None:
    code = (
        "import json; from project.settings import LLMTRACE as given; print(json.dumps(given['PROVIDERS']['default']))"
    )
    known = {**environment(tmp_path), **given}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=known, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["OPTIONS"] == expected
