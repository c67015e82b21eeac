"""What may be changed or dropped on the way of a span, in each exporter's thread."""

from llmtrace.filters.content import DropContent
from llmtrace.filters.redact import Redact

__all__ = ["DropContent", "Redact"]
