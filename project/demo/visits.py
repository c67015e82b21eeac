"""A few requests of each kind, as a visitor makes them, and what the trace of each has to hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from project.demo import check
from project.demo.browser import Browser
from project.demo.children import Trouble
from project.demo.stack import LOGIN
from project.shop.models import Book


@dataclass(frozen=True)
class Visit:
    """A form to send, the status that has to come back, and the rules for its trace."""

    title: str
    path: str
    fields: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[check.Rule, ...] = (check.call,)
    status: int = 200


@dataclass(frozen=True)
class Made:
    """A visit that was made, and the trace that it left."""

    visit: Visit
    trace_id: str
    link: str


JOBS: Final[Mapping[str, tuple[check.Rule, ...]]] = {
    "one": (check.job,),
    "chain": (check.chain,),
    "chord": (check.chord,),
    "retried": (check.retried,),
    "nested": (check.nested,),
}


def visits() -> list[Visit]:
    """The whole round, the one request with everything in it last."""
    wish = {"wish": "Something for a long train journey", "genre": ""}
    book = str(Book.objects.filter(genre="mystery").values_list("pk", flat=True)[0])
    return [
        Visit("Ask", "/ask/", {**wish, "genre": "fantasy"}),
        Visit("Ask on, in the same conversation", "/ask/", {"wish": "And one that is shorter?", "genre": ""}),
        Visit("Read along, async view", "/tell/", wish, (check.stream,)),
        Visit("Read along, sync view", "/tell/sync/", wish, (check.stream,)),
        *(Visit(f"Background: {job}", "/jobs/", {"book": book, "job": job}, rules) for job, rules in JOBS.items()),
        Visit("A call that fails", "/fail/", rules=(check.failed,), status=502),
        Visit("Everything in one request", "/tour/", rules=check.EVERYTHING),
    ]


def make_all(site: str) -> list[Made]:
    """Log in and make the round.

    Raises:
        Trouble: a page was not as it should be.
    """
    browser = Browser(site)
    if not browser.log_in(*LOGIN):
        raise Trouble(f"{site}/admin/login/ does not let {LOGIN[0]} in.")
    browser.get("/")
    return [_make(browser, visit) for visit in visits()]


def _make(browser: Browser, visit: Visit) -> Made:
    page = browser.post(visit.path, visit.fields)
    if page.status != visit.status:
        raise Trouble(f"{visit.path} answered with {page.status} instead of {visit.status}.")
    if page.trace_id is None or page.trace_link is None:
        raise Trouble(f"{visit.path} shows no link to its trace.")
    return Made(visit, page.trace_id, page.trace_link)
