"""What may be changed or dropped on the way of a span, in each exporter's thread."""

from llmtrace.filters.attributes import SetAttributes
from llmtrace.filters.content import DropContent
from llmtrace.filters.exclude import Exclude
from llmtrace.filters.hash import Hash
from llmtrace.filters.redact import Redact
from llmtrace.filters.truncate import Truncate

__all__ = ["DropContent", "Exclude", "Hash", "Redact", "SetAttributes", "Truncate"]
