"""A page that says secrets wherever a request and its answer can: in turn it fails, and answers with headers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.requests.planting import on_one_line


class Said(Exception):
    """What the view says of what it was asked."""


def say(request: HttpRequest, ending: str, text: str) -> HttpResponse:
    """Repeat what was asked for: as an exception, or in the answer."""
    if ending == "fail":
        try:
            raise LookupError(text)
        except LookupError as cause:
            cause.add_note(text)
            raise Said(text, {"asked": text}) from cause
    response = HttpResponse(text)
    if (line := on_one_line(text)) is not None:
        response["X-Said"] = line
        response["Location"] = f"https://shop.example/?said={line}"
    if key := request.headers.get("X-Api-Key"):
        response["X-Api-Key"] = key
        response["Set-Cookie"] = f"sessionid={key}; HttpOnly"
    return response


async def asay(request: HttpRequest, ending: str, text: str) -> HttpResponse:
    return say(request, ending, text)


urlpatterns = [
    path("sync/<str:ending>/<path:text>", say),
    path("async/<str:ending>/<path:text>", asay),
]
