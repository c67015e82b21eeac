"""Older and other names of what spans carry, so that spans of other instrumentations are read as ours are.

Sources: earlier versions of the GenAI semantic conventions (``gen_ai.system``, ``prompt_tokens``, events),
OpenLLMetry (``gen_ai.prompt.N.content``, ``llm.request.type``), OpenInference (``llm.token_count.prompt``,
``openinference.span.kind``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmtrace import semconv

OLDER: Final[Mapping[str, tuple[str, ...]]] = {
    semconv.PROVIDER: ("gen_ai.system", "llm.provider", "llm.system"),
    semconv.OPERATION: ("llm.request.type", "openinference.span.kind"),
    semconv.REQUEST_MODEL: ("llm.model_name", "embedding.model_name"),
    semconv.RESPONSE_MODEL: ("llm.response.model",),
    semconv.USAGE_INPUT_TOKENS: ("gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens", "llm.token_count.prompt"),
    semconv.USAGE_OUTPUT_TOKENS: (
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    semconv.USAGE_CACHE_READ: (
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    semconv.USAGE_CACHE_WRITE: (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    semconv.USAGE_REASONING: (
        "gen_ai.usage.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    semconv.COST: ("gen_ai.usage.cost", "llm.cost.total"),
    semconv.USER_ID: ("enduser.id",),
    semconv.TOOL_CALL_ARGUMENTS: ("tool.parameters",),
    semconv.TOOL_DEFINITIONS: ("llm.tools",),
}
"""The name in use, and those that others have for the same, in the order in which they are believed."""

OPERATIONS: Final[Mapping[str, str]] = {
    "chat": "chat",
    "LLM": "chat",
    "completion": "text_completion",
    "embedding": "embeddings",
    "EMBEDDING": "embeddings",
    "TOOL": "execute_tool",
    "AGENT": "invoke_agent",
}
"""Values of the operation's older names, and today's word. Others, ``CHAIN`` for one, are no operation of a model."""

MARKERS: Final = frozenset(name for names in OLDER.values() for name in names)


def in_use(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """`attributes`, with the names that are in use today added where only older ones are there."""
    read = dict(attributes)
    for name, older in OLDER.items():
        if name not in read:
            value = next((attributes[other] for other in older if other in attributes), None)
            if name == semconv.OPERATION:
                value = OPERATIONS.get(str(value))
            if value is not None:
                read[name] = value
    return read
