"""What may be changed or dropped on the way of a span, in each exporter's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from llmtrace.lazy import lazily

if TYPE_CHECKING:
    from llmtrace.filters.attributes import SetAttributes
    from llmtrace.filters.content import DropContent
    from llmtrace.filters.exclude import Exclude
    from llmtrace.filters.hash import Hash
    from llmtrace.filters.redact import Redact
    from llmtrace.filters.truncate import Truncate

_HOMES: Final = {
    "DropContent": "content",
    "Exclude": "exclude",
    "Hash": "hash",
    "Redact": "redact",
    "SetAttributes": "attributes",
    "Truncate": "truncate",
}

__all__ = ["DropContent", "Exclude", "Hash", "Redact", "SetAttributes", "Truncate"]

__getattr__, __dir__ = lazily(__name__, _HOMES)
