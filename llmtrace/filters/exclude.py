"""`Exclude`, the filter that drops spans by what they are."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from llmtrace import semconv
from llmtrace.conf.options import ATTRIBUTES, NAMES, mistake, none_or
from llmtrace.pipeline.ended import EndedSpan

KINDS: Final = {
    "names": NAMES,
    "scopes": NAMES,
    "operations": NAMES,
    "routes": NAMES,
    "attributes": none_or(ATTRIBUTES),
}


class Exclude:
    """Drops each span that one of the patterns fits; ``*`` stands for any text in them, ``?`` for one character.

    The spans below one that is dropped stay, with a parent that is missing.

    Args:
        names: patterns of the span's name.
        scopes: patterns of the name of the instrumentation that made it, such as ``opentelemetry.instrumentation.*``.
        operations: patterns of the GenAI operation, such as ``embeddings``.
        routes: patterns of the request's route, without its first slash as Django has it.
        attributes: name and value, a text being a pattern: ``{"tenant": "test-*", "internal": True}``. Of an attribute
            that is a list, such as ``llmtrace.tags``, one item that fits is enough.

    Raises:
        ValueError: a text was given in place of a list of patterns.
    """

    def __init__(
        self,
        *,
        names: Iterable[str] = (),
        scopes: Iterable[str] = (),
        operations: Iterable[str] = (),
        routes: Iterable[str] = (),
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        given = {"names": names, "scopes": scopes, "operations": operations, "routes": routes}
        if wrong := [option for option, patterns in given.items() if isinstance(patterns, str)]:
            raise ValueError(f"{wrong[0]} is a list of patterns, not one text.")
        self._names = [*map(_test, names)]
        self._scopes = [*map(_test, scopes)]
        self._values = (
            (semconv.OPERATION, [*map(_test, operations)]),
            (semconv.HTTP_ROUTE, [*map(_test, routes)]),
            *((name, [_test(value)]) for name, value in (attributes or {}).items()),
        )

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the values of these options, in words without a value; see `llmtrace.backends`."""
        return mistake(options, KINDS)

    def __call__(self, span: EndedSpan) -> EndedSpan | None:
        """`span`, or None when a pattern fits it."""
        scope = span.instrumentation_scope
        if _fits(span.name, self._names) or (scope is not None and _fits(scope.name, self._scopes)):
            return None
        attributes = span.attributes
        if any(name in attributes and _fits(attributes[name], wanted) for name, wanted in self._values):
            return None
        return span


def _test(wanted: Any) -> Callable[[Any], bool]:
    """What tells whether a value is like `wanted`. In a text only ``*`` and ``?`` are signs, brackets are none."""
    if isinstance(wanted, str):
        match = re.compile(fnmatch.translate(wanted.replace("[", "[[]"))).match
        return lambda value: match(value if isinstance(value, str) else str(value)) is not None
    plain = tuple(wanted) if isinstance(wanted, list) else wanted  # as spans have it
    return lambda value: bool(value == plain)


def _fits(value: Any, tests: Iterable[Callable[[Any], bool]]) -> bool:
    values = (tuple(value), *value) if isinstance(value, (list, tuple)) else (value,)
    for test in tests:
        for each in values:
            if test(each):
                return True
    return False
