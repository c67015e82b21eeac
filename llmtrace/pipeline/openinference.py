"""A call's span in the words of OpenInference, the conventions of Arize and Phoenix.

Source: OpenInference, specification, semantic conventions
(https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from llmtrace import semconv
from llmtrace.jsontext import as_json
from llmtrace.pipeline.chatform import structure

KINDS: Final = {
    "chat": "LLM",
    "generate_content": "LLM",
    "text_completion": "LLM",
    "embeddings": "EMBEDDING",
    "execute_tool": "TOOL",
    "invoke_agent": "AGENT",
}
NAMES: Final = {
    semconv.PROVIDER: "llm.provider",
    semconv.USAGE_INPUT_TOKENS: "llm.token_count.prompt",
    semconv.USAGE_OUTPUT_TOKENS: "llm.token_count.completion",
    semconv.USAGE_CACHE_READ: "llm.token_count.prompt_details.cache_read",
    semconv.USAGE_CACHE_WRITE: "llm.token_count.prompt_details.cache_write",
    semconv.USAGE_REASONING: "llm.token_count.completion_details.reasoning",
    semconv.COST: "llm.cost.total",
    semconv.PROMPT_TEMPLATE: "llm.prompt_template.template",
    semconv.PROMPT_VERSION: "llm.prompt_template.version",
    semconv.TOOL_NAME: "tool.name",
    semconv.TOOL_DESCRIPTION: "tool.description",
    semconv.TOOL_CALL_ID: "tool.id",
    semconv.TAGS: "tag.tags",
}
REQUEST: Final = "gen_ai.request."
NO_PARAMETERS: Final = (semconv.REQUEST_MODEL, semconv.REQUEST_STREAM)


def openinference(
    there: Mapping[str, Any], given: Sequence[Mapping[str, Any]], answered: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What OpenInference has words for.

    Args:
        there: the span's attributes.
        given: what was sent to the model, as `chatform` writes it.
        answered: what it answered.
    """
    kind = KINDS.get(str(there.get(semconv.OPERATION)))
    named = {theirs: there[ours] for ours, theirs in NAMES.items() if ours in there}
    if kind is not None:
        named["openinference.span.kind"] = kind
    model = there.get(semconv.RESPONSE_MODEL, there.get(semconv.REQUEST_MODEL))
    if model is not None:
        named["embedding.model_name" if kind == "EMBEDDING" else "llm.model_name"] = model
    named.update(_totals(there))
    named.update(_structures(there))
    named.update(_messages("llm.input_messages", given))
    named.update(_messages("llm.output_messages", answered))
    named.update(_value("input", given, there.get(semconv.TOOL_CALL_ARGUMENTS)))
    named.update(_value("output", answered, there.get(semconv.TOOL_CALL_RESULT)))
    return named


def _totals(there: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    counts = there.get(semconv.USAGE_INPUT_TOKENS), there.get(semconv.USAGE_OUTPUT_TOKENS)
    if isinstance(counts[0], int) and isinstance(counts[1], int):
        yield "llm.token_count.total", counts[0] + counts[1]


def _structures(there: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is several attributes with us and one JSON text there, or the other way round."""
    parameters = {
        name.removeprefix(REQUEST): value
        for name, value in there.items()
        if name.startswith(REQUEST) and name not in NO_PARAMETERS
    }
    for name, values in (
        ("llm.invocation_parameters", parameters),
        ("llm.prompt_template.variables", _under(semconv.PROMPT_VARIABLE, there)),
        ("metadata", _under(semconv.METADATA, there)),
    ):
        if values:
            yield name, as_json(values)
    for index, tool in enumerate(structure(there.get(semconv.TOOL_DEFINITIONS))):
        yield f"llm.tools.{index}.tool.json_schema", as_json(tool)
    if semconv.TOOL_CALL_ARGUMENTS in there:
        yield "tool.parameters", _text(there[semconv.TOOL_CALL_ARGUMENTS])


def _under(prefix: str, there: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in there.items() if name.startswith(prefix)}


def _messages(under: str, messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for index, message in enumerate(messages):
        prefix = f"{under}.{index}.message"
        for key in ("role", "content", "tool_call_id"):
            if key in message:
                yield f"{prefix}.{key}", message[key]
        for number, call in enumerate(message.get("tool_calls", ())):
            tool = f"{prefix}.tool_calls.{number}.tool_call"
            yield f"{tool}.id", call["id"]
            yield f"{tool}.function.name", call["function"]["name"]
            yield f"{tool}.function.arguments", call["function"]["arguments"]


def _value(what: str, messages: Sequence[Mapping[str, Any]], data: Any) -> Iterator[tuple[str, Any]]:
    """The whole in one text: that of the only message, else all of them as JSON; a tool's data for its own span."""
    if data is not None:
        yield f"{what}.value", _text(data)
        if not isinstance(data, str):
            yield f"{what}.mime_type", "application/json"
    elif len(messages) == 1 and messages[0].keys() == {"role", "content"}:
        yield f"{what}.value", messages[0]["content"]
        yield f"{what}.mime_type", "text/plain"
    elif messages:
        yield f"{what}.value", as_json(messages)
        yield f"{what}.mime_type", "application/json"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value)
