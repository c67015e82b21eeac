"""Who is behind a request: its user and session, read only from what the view has resolved already."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.signed_cookies import SessionStore as SignedCookies
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.functional import LazyObject, empty
from opentelemetry.trace import Span

from llmtrace.mistakes import guarded
from llmtrace.tracing.attributes import NONE, TraceAttributes

SALT: Final = "llmtrace.session"


class Visitor:
    """The source of a request's trace attributes; the request's own span gets them as soon as they are known."""

    __slots__ = ("_known", "_request", "_seen", "_span")

    def __init__(self, request: HttpRequest, span: Span | None) -> None:
        self._request = request
        self._span = span
        self._seen: tuple[str | None, str | None] = (None, None)
        self._known = NONE

    def trace_attributes(self) -> TraceAttributes:
        """The user's primary key and a keyed hash of the session key, where known. Makes no query, changes nothing."""
        self._look()
        return self._known

    @guarded("The user of a request could not be told.")
    def _look(self) -> None:
        resolved = self._request.__dict__
        seen = (_user_id(resolved), _session_key(resolved.get("session")))
        if seen == self._seen:
            return
        self._known = TraceAttributes(seen[0], session_id(seen[1]))
        self._seen = seen  # after what is known: other threads of the request go by it
        if self._known and self._span is not None and self._span.is_recording():
            self._span.set_attributes(self._known.on_span)


def _user_id(resolved: dict[str, Any]) -> str | None:
    """`request.user` if it was looked at, else what `request.auser()` has found."""
    user = resolved.get("user")
    if issubclass(type(user), LazyObject):  # isinstance would ask the object itself, and so resolve it
        user = object.__getattribute__(user, "__dict__").get("_wrapped", empty)
    if user is None or user is empty:
        user = resolved.get("_acached_user")
    if user is None or not getattr(user, "is_authenticated", False):
        return None
    key = getattr(user, "pk", None)
    return None if key is None else str(key)


def _session_key(session: Any) -> str | None:
    """The key of a session that has been loaded: before that it is only what the client claims.

    Signed cookies have no key: what stands for it is the data, and differs at every save.
    """
    if not isinstance(session, SessionBase) or isinstance(session, SignedCookies):
        return None
    return session.session_key if hasattr(session, "_session_cache") else None


def session_id(key: str | None) -> str | None:
    """What stands for a session in spans: the key itself is a credential."""
    return salted_hmac(SALT, key, algorithm="sha256").hexdigest()[:32] if key else None
