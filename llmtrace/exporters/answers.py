"""What the answer of a backend to an OTLP request means for the spans in it, and the words for what went wrong.

The rules are those of the OTLP specification ("OTLP/HTTP Response", "OTLP/gRPC Response"), but for one: where it has a
client drop spans because of a mistake that a person can correct (a wrong key, a wrong path), they wait for that person.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from llmtrace.pipeline.outcome import RetryLater

PERSON_S: Final = 60.0  # between two offers while a person has to do something
LONGEST_AFTER_S: Final = 3600.0  # however long a backend asks to be left alone

TOO_LARGE: Final = "too large for the backend"
REFUSED: Final = "refused by the backend"
BAD_HEADER: Final = "a header cannot be sent as it is: check the keys or headers in OPTIONS"
REFUSED_IN_PART: Final = "refused by the backend as part of a request"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The request has arrived; of its spans the backend took all but `rejected`, and does not say which."""

    rejected: int = 0


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The spans may arrive in `parts` smaller requests."""

    reason: str = TOO_LARGE
    parts: int = 2


@dataclass(frozen=True, slots=True)
class Refused:
    """Something in the request is never accepted: a span among them, which is found by sending `parts` of it."""

    reason: str
    parts: int = 2


Answer = Accepted | TooLarge | Refused


class Unreachable(RetryLater):
    """No answer came: nobody was there, or the connection broke."""


class TimedOut(RetryLater):
    """No answer came in time."""


class Busy(RetryLater):
    """The backend is there and cannot take spans now."""


class NeedsPerson(RetryLater):
    """It will not work before somebody changes something."""

    def __init__(self, reason: str, after: float | None = PERSON_S) -> None:
        super().__init__(reason, after)


_FOR_PERSONS: Final = {
    401: "the backend does not know the key (HTTP 401): check the keys or headers in OPTIONS",
    402: "the account wants a payment (HTTP 402): see to it with the tool",
    403: "the key may not do this (HTTP 403): check its rights, and the region or host, in OPTIONS",
    404: "nothing is at this address (HTTP 404): check the endpoint in OPTIONS, path included, mostly /v1/traces",
    405: "what is at this address takes no OTLP (HTTP 405): check the endpoint in OPTIONS, path included",
    407: "a proxy on the way wants credentials (HTTP 407): check HTTPS_PROXY",
    415: "what is at this address takes no OTLP in protobuf (HTTP 415): check the endpoint in OPTIONS, path included",
}
_SOON: Final = {
    408: "the backend waited too long for the request (HTTP 408)",
    425: "the backend asks to try again (HTTP 425)",
    429: "the backend asks to be sent less (HTTP 429)",
    502: "the gateway of the backend has no answer from it (HTTP 502)",
    503: "the backend cannot take spans now (HTTP 503)",
    504: "the gateway of the backend has waited too long for it (HTTP 504)",
}


def of_status(status: int, retry_after: str | None = None) -> TooLarge | Refused:
    """What an HTTP status that is no success means.

    Args:
        status: the status.
        retry_after: the header of that name.

    Raises:
        RetryLater: it says nothing against the spans.
    """
    if status == 413:
        return TooLarge()
    if status in (400, 422):
        return Refused(f"{REFUSED} (HTTP {status})")
    if status in _FOR_PERSONS:
        raise NeedsPerson(_FOR_PERSONS[status])
    if status in _SOON or status >= 500:
        reason = _SOON.get(status, f"the backend failed (HTTP {status})")
        raise Busy(reason, seconds_of(retry_after))
    if 300 <= status < 400:
        raise NeedsPerson(
            f"the address has moved (HTTP {status}): name the new one as endpoint in OPTIONS; "
            "keys are not sent where a redirect points to"
        )
    raise NeedsPerson(f"the backend refuses all requests (HTTP {status}): see what it means there")


def seconds_of(retry_after: str | None) -> float | None:
    """The seconds that a ``Retry-After`` header asks for (RFC 9110, 10.2.3), or None."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), LONGEST_AFTER_S) if math.isfinite(seconds) else None
