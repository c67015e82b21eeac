"""A visitor of the shop: follows links, fills forms in, keeps cookies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

TIMEOUT: Final = 60.0  # seconds
TRACE_LINK: Final = re.compile(r'href="(/admin/llmtrace/[^"]*?([0-9a-f]{32})[^"]*)"')


@dataclass(frozen=True)
class Page:
    """What came back, and where it is: redirects were followed."""

    status: int
    path: str
    text: str

    @property
    def trace_id(self) -> str | None:
        """The trace that the page links to."""
        found = TRACE_LINK.search(self.text)
        return found[2] if found else None

    @property
    def trace_link(self) -> str | None:
        """The address of that trace in the admin."""
        found = TRACE_LINK.search(self.text)
        return found[1] if found else None


class Browser:
    """Cookies, and the token that forms send along."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._cookies = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._cookies))

    def get(self, path: str) -> Page:
        """Follow a link."""
        return self._open(Request(self._site + path))

    def post(self, path: str, fields: Mapping[str, str]) -> Page:
        """Send a form. A page with one has to be visited before, as it brings the token."""
        token = next((cookie.value or "" for cookie in self._cookies if cookie.name == "csrftoken"), "")
        data = urlencode({**fields, "csrfmiddlewaretoken": token}).encode()
        return self._open(Request(self._site + path, data, {"Referer": self._site + "/"}))

    def log_in(self, name: str, password: str) -> bool:
        """Through the admin's own form; whether it worked."""
        self.get("/admin/login/")
        self.post("/admin/login/", {"username": name, "password": password, "next": "/"})
        return any(cookie.name == "sessionid" for cookie in self._cookies)

    def _open(self, request: Request) -> Page:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                return self._page(answer.status, answer.url, answer.read())
        except HTTPError as error:
            with error:
                return self._page(error.code, error.url, error.read())

    def _page(self, status: int, url: str, body: bytes) -> Page:
        return Page(status, url.removeprefix(self._site), body.decode(errors="replace"))
