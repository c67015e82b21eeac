"""The spans that a child process has open, in memory that it shares with its parent: what is left of them when the
child is killed.

The memory has no name and no file, so that nothing is on disk that no filter has seen. It holds what a span began with,
without the content that travels beside it.
"""

from __future__ import annotations

import marshal
import mmap
from collections.abc import Mapping
from itertools import count
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags, TraceState

from llmtrace.masking import get_logger
from llmtrace.mistakes import tell
from llmtrace.pipeline.ended import SCALARS

logger = get_logger("llmtrace.pipeline")

PLACES: Final = 32  # spans that are open at once; those beyond are not noted
PLACE: Final = 4096  # bytes for one
PID, SAVED, RUNS, LENGTHS = range(4)  # numbers of 8 bytes each; a place is taken while its length is more than 0
HEAD: Final = 8 * (LENGTHS + PLACES)
LONGEST, MOST_SHORT = 64, 24  # characters of a text and attributes, where a span does not fit as a whole


class Opened(NamedTuple):
    """What a span began with."""

    number: int  # in the order in which they began
    name: str
    context: SpanContext
    parent: SpanContext | None
    kind: SpanKind
    started_at: int  # nanoseconds since the epoch
    attributes: dict[str, Any]
    links: tuple[Link, ...]
    scope: str
    version: str | None


class Slate:
    """Written by the child, read by its parent. A length is written after what it is the length of, so that a child
    may be killed at any moment."""

    def __init__(self) -> None:
        memory = memoryview(mmap.mmap(-1, HEAD + PLACES * PLACE))
        self._numbers = memory[:HEAD].cast("q")
        self._places = [memory[HEAD + place * PLACE :][:PLACE] for place in range(PLACES)]
        self._free = list(range(PLACES))
        self._taken: dict[int, int] = {}  # places by the span's id
        self._begun = count()
        self._run: SpanContext | None = None  # of the job
        self._waiting: ReadableSpan | None = None  # the same while no span has begun inside

    # In the child

    def begin(self, pid: int) -> None:
        """Say whose it is."""
        self._numbers[PID] = pid

    def began(self, span: ReadableSpan) -> None:
        """Note a span, and before the first span inside a job's run that run.

        Until then nothing is below the run, and the parent can tell of it from the message. A span whose parent should
        be here and is not would be one without a parent: it is not noted.
        """
        context, parent = span._context, span._parent
        if context is None or not context.trace_flags.sampled:
            return
        is_outer = parent is None or parent.is_remote
        if span._kind is SpanKind.CONSUMER and is_outer and self._run is None:  # in a run it is the host's
            self._run, self._waiting = context, span
            self._numbers[SAVED] = 0  # what is on disk was said of the job before
            self._numbers[RUNS] = 1
            return
        if self._waiting is not None and self._waiting._context is not None:
            self._note(self._waiting, self._waiting._context)
            self._waiting = None
        if is_outer or (parent is not None and parent.span_id in self._taken):
            self._note(span, context)

    def _note(self, span: ReadableSpan, context: SpanContext) -> None:
        try:
            place = self._free.pop()
            written = _written(next(self._begun), span, context)
            self._places[place][: len(written)] = written
            self._taken[context.span_id] = place
            self._numbers[LENGTHS + place] = len(written)
        except IndexError:  # too many are open
            return
        except Exception:
            self._free.append(place)
            tell(logger, "A span that began could not be noted for the case that the process is killed.")

    def ended(self, span: ReadableSpan) -> None:
        """Forget a span."""
        context = span._context
        if context is None:
            return
        if context is self._run:
            self._run = self._waiting = None
            self._numbers[RUNS] = 0
        place = self._taken.pop(context.span_id, None)
        if place is not None:
            self._numbers[LENGTHS + place] = 0
            self._free.append(place)

    def save(self) -> None:
        """Say that all that has ended is on disk."""
        self._numbers[SAVED] = 1

    # In its parent

    @property
    def pid(self) -> int:
        """Whose it is; 0 of a child that has just been forked."""
        return self._numbers[PID]

    @property
    def is_saved(self) -> bool:
        """Whether the child has brought to disk what has ended in it."""
        return bool(self._numbers[SAVED])

    @property
    def is_empty(self) -> bool:
        """Whether nothing is open."""
        return not any(self._numbers[LENGTHS:])

    @property
    def runs(self) -> bool:
        """Whether a job runs in the child."""
        return bool(self._numbers[RUNS])

    def opened(self) -> list[Opened]:
        """The spans that are open, in the order in which they began."""
        found = []
        for place, length in enumerate(self._numbers[LENGTHS:]):
            if length:
                try:
                    found.append(_read(bytes(self._places[place][:length])))
                except Exception:  # the child has written another one there in the meantime
                    continue
        return sorted(found)

    def clear(self) -> None:
        """Forget them all."""
        self._numbers[RUNS] = 0
        for place in range(PLACES):
            self._numbers[LENGTHS + place] = 0


def _written(number: int, span: ReadableSpan, context: SpanContext) -> bytes:
    """The span as bytes, past the properties of the SDK's classes: they would take most of the time."""
    parent = span._parent
    attributes: Any = span._attributes or {}
    known: Mapping[str, Any] = getattr(attributes, "_dict", attributes)
    scope = span._instrumentation_scope
    links = span._links
    fields: tuple[Any, ...] = (
        number,
        span._name,
        _ids(context),
        None if parent is None else _ids(parent),
        span._kind.value,
        span._start_time,
        known,
        [(_ids(link.context), dict(link.attributes or {})) for link in links] if links else None,
        None if scope is None else (scope._name, scope._version),
    )
    try:
        written = marshal.dumps(fields)
        if len(written) <= PLACE:
            return written
    except ValueError:  # a text or a number of a class of the host's own
        pass
    return marshal.dumps((number, _text(span.name)[:LONGEST], *fields[2:6], _short(known), None, fields[8]))


def _short(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of the plain types and of little length, as many as are sure to fit."""
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        value = value if type(value) in SCALARS else _text(value)
        if len(found) < MOST_SHORT and len(name) <= LONGEST and (not isinstance(value, str) or len(value) <= LONGEST):
            found[_text(name)] = value
    return found


def _text(value: object) -> str:
    """As Python's own class of texts: `str()` of Django's safe ones is one of them again."""
    return "".join((str(value), ""))


def _ids(context: SpanContext) -> tuple[int, int, bool, int, str | None]:
    fields: tuple[Any, ...] = context
    trace_id, span_id, remote, flags, state, _ = fields
    return trace_id, span_id, remote, int(flags), state.to_header() if state else None


def _context(ids: tuple[int, int, bool, int, str | None]) -> SpanContext:
    trace_id, span_id, remote, flags, state = ids
    return SpanContext(
        trace_id, span_id, remote, TraceFlags(flags), None if state is None else TraceState.from_header([state])
    )


def _read(written: bytes) -> Opened:
    number, name, context, parent, kind, started_at, attributes, links, scope = marshal.loads(written)
    return Opened(
        number,
        name,
        _context(context),
        None if parent is None else _context(parent),
        SpanKind(kind),
        started_at,
        attributes,
        tuple(Link(_context(ids), marked) for ids, marked in links or ()),
        *(scope or ("", None)),
    )
