"""``"SEMCONV": "dup"``: the names and events that tools read which do not know today's conventions yet.

What is added stands beside what is there, and is made of what the filters have left. Sources: the GenAI conventions
before version 1.37 (`gen_ai.system`, `gen_ai.usage.prompt_tokens`, events `gen_ai.content.prompt` and
`gen_ai.content.completion`), `gen_ai.usage.cost` as Langfuse and OpenLIT read it, OpenLLMetry's numbered
`gen_ai.prompt.0.content`, and OpenInference's specification of semantic conventions (`llm.*`, `input.value`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from opentelemetry.sdk.trace import Event

from llmtrace import semconv
from llmtrace.jsontext import as_json
from llmtrace.masking import get_logger
from llmtrace.mistakes import tell
from llmtrace.pipeline.chatform import answered_messages, given_messages, structure
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.openinference import openinference

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    semconv.PROVIDER: ("gen_ai.system",),
    semconv.USAGE_INPUT_TOKENS: ("gen_ai.usage.prompt_tokens",),
    semconv.USAGE_OUTPUT_TOKENS: ("gen_ai.usage.completion_tokens",),
    semconv.USAGE_CACHE_READ: ("gen_ai.usage.cache_read_input_tokens",),
    semconv.USAGE_CACHE_WRITE: (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
    ),
    semconv.USAGE_REASONING: ("gen_ai.usage.reasoning_tokens",),
    semconv.COST: ("gen_ai.usage.cost",),
}
"""Today's name, and those that the same value had."""

REQUEST_TYPES: Final = {
    "chat": "chat",
    "generate_content": "chat",
    "text_completion": "completion",
    "embeddings": "embedding",
}


logger = get_logger("llmtrace.pipeline")


def with_older_names(span: EndedSpan, dialects: Collection[str] = ()) -> EndedSpan:
    """A copy of `span` with older names and events beside today's; the span itself where there is nothing to add.

    Args:
        span: a span that has passed the filters.
        dialects: ``"openinference"`` and ``"openllmetry"`` add the names of these, in which each message is written
            out once more.
    """
    if semconv.OPERATION not in span.attributes:
        return span
    try:
        return _doubled(span, dialects)
    except Exception:
        tell(logger, "Older names were not added to a span.", "the span is exported without them")
        return span


def _doubled(span: EndedSpan, dialects: Collection[str]) -> EndedSpan:
    there = span.attributes
    added = {
        older: there[name] for name, names in NAMES.items() if name in there for older in names if older not in there
    }
    given, answered = given_messages(there), answered_messages(there)
    if "openinference" in dialects:
        added = {**openinference(there, given, answered), **added}
    if "openllmetry" in dialects:
        added = {**dict(_openllmetry(there, given, answered)), **added}
    return span.edited(attributes={**added, **there}, events=[*span.events, *_events(span, given, answered)])


def _events(span: EndedSpan, given: list[dict[str, Any]], answered: list[dict[str, Any]]) -> Iterator[Event]:
    if given:
        yield Event("gen_ai.content.prompt", {"gen_ai.prompt": as_json(given)}, span.start_time)
    if answered:
        yield Event("gen_ai.content.completion", {"gen_ai.completion": as_json(answered)}, span.end_time)


def _openllmetry(
    there: Mapping[str, Any], given: list[dict[str, Any]], answered: list[dict[str, Any]]
) -> Iterator[tuple[str, Any]]:
    for kind, messages in (("prompt", given), ("completion", answered)):
        for index, message in enumerate(messages):
            prefix = f"gen_ai.{kind}.{index}"
            for key in ("role", "content", "tool_call_id"):
                if key in message:
                    yield f"{prefix}.{key}", message[key]
            for number, call in enumerate(message.get("tool_calls", ())):
                yield f"{prefix}.tool_calls.{number}.id", call["id"]
                yield f"{prefix}.tool_calls.{number}.name", call["function"]["name"]
                yield f"{prefix}.tool_calls.{number}.arguments", call["function"]["arguments"]
    for index, reason in enumerate(structure(there.get(semconv.RESPONSE_FINISH_REASONS))):
        yield f"gen_ai.completion.{index}.finish_reason", reason
    kind = REQUEST_TYPES.get(str(there[semconv.OPERATION]), "")
    if kind:
        yield "llm.request.type", kind
    counts = [there.get(name) for name in (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS)]
    if all(isinstance(count, int) for count in counts):
        yield "llm.usage.total_tokens", sum(counts)
