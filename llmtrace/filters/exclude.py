"""`Exclude`, the filter that drops spans by what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
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
        attributes: name and value of an attribute, a text being a pattern: ``{"tenant": "test-*", "internal": True}``.

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
        self._names = tuple(names)
        self._scopes = tuple(scopes)
        self._values = (
            (semconv.OPERATION, tuple(operations)),
            (semconv.HTTP_ROUTE, tuple(routes)),
            *((name, (value,)) for name, value in (attributes or {}).items()),
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


def _fits(value: Any, wanted: Iterable[Any]) -> bool:
    return any(value == each or (isinstance(each, str) and fnmatchcase(str(value), each)) for each in wanted)
