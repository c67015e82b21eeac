"""`SetAttributes`, the filter that gives every span the same attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmtrace.conf.options import ATTRIBUTES, SWITCH, mistake
from llmtrace.pipeline.ended import EndedSpan

KINDS: Final = {"attributes": ATTRIBUTES, "replace": SWITCH}


class SetAttributes:
    """Adds attributes to each span, such as the team that an exporter's backend bills.

    Args:
        attributes: names and values. They are exported as they stand here, since redaction has run before.
        replace: whether they take the place of what a span has under the same names.
    """

    def __init__(self, *, attributes: Mapping[str, Any], replace: bool = True) -> None:
        self._attributes = dict(attributes)
        self._replace = replace

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the values of these options, in words without a value; see `llmtrace.backends`."""
        return mistake(options, KINDS)

    def __call__(self, span: EndedSpan) -> EndedSpan:
        """A copy of `span` with the attributes."""
        first, last = (span.attributes, self._attributes) if self._replace else (self._attributes, span.attributes)
        return span.edited(attributes={**first, **last})
