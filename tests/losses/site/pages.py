"""One page: some calls of a model, each with a prompt of its own."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from llmtrace import LLM

CALLS = 4
REFUSED = "gpt-refused"
EACH = 10
BATCH = 150  # spans, where an exporter is to keep fewer for itself


def calls(count: int = CALLS) -> None:
    """Leave `count` spans of calls; each tenth asks for a model that a backend may refuse to hear of."""
    llm = LLM("gpt-4o-mini")
    for number in range(count):
        llm.chat(f"Recommend book number {number}", model=REFUSED if number % EACH == EACH - 1 else None)


def page(request: HttpRequest) -> HttpResponse:
    calls()
    return HttpResponse("done")


urlpatterns = [path("", page)]
