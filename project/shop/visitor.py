"""Who is asking: the reader's name, and the conversation that their session holds."""

from __future__ import annotations

import re
import uuid
from typing import Final

from django.http import HttpRequest
from opentelemetry import trace

TURNS_KEPT: Final = 6
TRACE_ID: Final = re.compile("[0-9a-f]{32}")


def reader(request: HttpRequest) -> str:
    """The name of who is logged in."""
    return request.user.get_username() or "a reader"


async def areader(request: HttpRequest) -> str:
    """The name of who is logged in, for async views."""
    return (await request.auser()).get_username() or "a reader"


def conversation(request: HttpRequest) -> str:
    """The id of this session's conversation."""
    found: str = request.session.setdefault("conversation", uuid.uuid4().hex)
    return found


def turns(request: HttpRequest) -> list[tuple[str, str]]:
    """What was asked and answered in this conversation, the newest last."""
    return [(wish, answer) for wish, answer in request.session.get("turns", ())]


def remember(request: HttpRequest, wish: str, answer: str) -> None:
    """Add a turn to the conversation."""
    request.session["turns"] = [*turns(request), (wish, answer)][-TURNS_KEPT:]


def forget(request: HttpRequest) -> None:
    """Begin a new conversation."""
    for key in ("conversation", "turns"):
        request.session.pop(key, None)


def current_trace() -> str | None:
    """The trace of this request, in hexadecimal digits as the admin's addresses have it; None when it has none."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def trace_asked_for(request: HttpRequest) -> str | None:
    """The trace that the address names, if it can be one."""
    named = request.GET.get("trace", "")
    return named if TRACE_ID.fullmatch(named) else None
