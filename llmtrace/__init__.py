"""llmtrace: every LLM call of a Django and Celery project as an OpenTelemetry span.

The public names are imported when they are first used: importing the package loads no SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from llmtrace.lazy import lazily

if TYPE_CHECKING:
    from llmtrace.calls import LLM, AsyncStream, Chunk, Reply, Stream, llm_call, prompt_template, tool
    from llmtrace.tracing.attributes import trace_attributes
    from llmtrace.tracing.feedback import record_feedback
    from llmtrace.types import Message, Part, ToolCall, Usage

__version__ = "0.1.0"

_HOMES: Final = {
    "LLM": "calls",
    "AsyncStream": "calls",
    "Chunk": "calls",
    "Message": "types",
    "Part": "types",
    "Reply": "calls",
    "Stream": "calls",
    "ToolCall": "types",
    "Usage": "types",
    "llm_call": "calls",
    "prompt_template": "calls",
    "record_feedback": "tracing.feedback",
    "tool": "calls",
    "trace_attributes": "tracing.attributes",
}

__all__ = [
    "LLM",
    "AsyncStream",
    "Chunk",
    "Message",
    "Part",
    "Reply",
    "Stream",
    "ToolCall",
    "Usage",
    "llm_call",
    "prompt_template",
    "record_feedback",
    "tool",
    "trace_attributes",
]


__getattr__, __dir__ = lazily(__name__, _HOMES, "__version__")
