"""What happened in a span, from its events: tries that were followed by another one, exceptions, and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from llmtrace import semconv
from llmtrace.dashboard.details import Fact, facts
from llmtrace.dashboard.figures import duration, short_class
from llmtrace.dashboard.parts import MAX_TEXT
from llmtrace.dashboard.plaintext import Text, bounded, one_line, written

MAX_EVENTS: Final = 100

Event = Mapping[str, Any]  # with a text `name`, a mapping `attributes` and mostly `offset_ms`


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a request: what it met, and how long was waited after it."""

    number: int
    met: str
    failed: bool
    waited: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """An exception: its type, and where the reader may know it its message and stack."""

    type: str
    message: Text
    stack: Text


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of the span, `after` its begin."""

    name: str
    after: str
    facts: tuple[Fact, ...]


def attempts(events: Sequence[Event], *, failed: bool, error_type: str | None) -> list[Attempt]:
    """The tries of a request that was tried again, the last one included; none where one was enough."""
    tries = [_attempt(number, told) for number, told in enumerate(_retries(events), 1)][:MAX_EVENTS]
    if tries:
        last = short_class(error_type) if failed and error_type else ""
        tries.append(Attempt(tries[-1].number + 1, one_line(last), failed))
    return tries


def _attempt(number: int, told: Mapping[str, Any]) -> Attempt:
    waited = told.get(semconv.RETRY_WAIT)
    given = told.get(semconv.RETRY_ATTEMPT)
    return Attempt(
        number=given if type(given) is int else number,
        met=_met(told),
        failed=True,
        waited=duration(waited * 1000) if isinstance(waited, (int, float)) else "",
    )


def _met(told: Mapping[str, Any]) -> str:
    """The status code or the error of a try that failed."""
    return one_line(short_class(str(told.get(semconv.HTTP_STATUS) or told.get(semconv.ERROR_TYPE) or "?")), 60)


def _retries(events: Sequence[Event]) -> Iterator[Mapping[str, Any]]:
    for event in events:
        if event["name"] == semconv.RETRY_EVENT:
            yield event["attributes"]


def retry_reasons(events: Sequence[Event]) -> tuple[str, ...]:
    """What each try met that was followed by another one."""
    return tuple(map(_met, _retries(events)))[:MAX_EVENTS]


def problems(events: Sequence[Event], said: Mapping[str, Any]) -> list[Problem]:
    """The exceptions among the events, in the order in which they were recorded.

    Args:
        events: as they are stored.
        said: the text of events by their index as text, empty where the reader may not know it.
    """
    return [
        Problem(
            one_line(str(told.get(semconv.EXCEPTION_TYPE) or ""), 200),
            bounded(written(told.get(semconv.EXCEPTION_MESSAGE, "")), MAX_TEXT),
            bounded(written(told.get(semconv.EXCEPTION_STACKTRACE, "")), MAX_TEXT),
        )
        for name, told in _with_text(events, said)
        if name == semconv.EXCEPTION_EVENT
    ]


def _with_text(events: Sequence[Event], said: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, event in enumerate(events[:MAX_EVENTS]):
        text = said.get(str(index))
        yield event["name"], {**event["attributes"], **(text if isinstance(text, Mapping) else {})}


def happenings(events: Sequence[Event], said: Mapping[str, Any]) -> list[Happening]:
    """The events that have no place of their own in the panel."""
    shown = (semconv.RETRY_EVENT, semconv.EXCEPTION_EVENT)
    return [
        Happening(one_line(name), _after(event), tuple(facts(told)))
        for event, (name, told) in zip(events, _with_text(events, said), strict=False)
        if name not in shown
    ]


def _after(event: Event) -> str:
    offset = event.get("offset_ms")
    return duration(offset) if isinstance(offset, (int, float)) else ""
