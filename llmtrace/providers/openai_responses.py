"""OpenAI's Responses protocol: what is sent, and the reader of what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from llmtrace import semconv
from llmtrace.exceptions import UnsupportedError
from llmtrace.jsontext import as_json
from llmtrace.providers.base import Answer, AnyMessage, ChatProtocol, Request, Schema
from llmtrace.providers.media import data_url, named
from llmtrace.providers.messages import as_message, function_of, parts
from llmtrace.providers.openai_chat import OUTPUT_TYPES
from llmtrace.providers.openai_chat_reading import describe
from llmtrace.providers.openai_responses_reading import NATIVE, ResponsesReader, choice, failure, usage
from llmtrace.providers.openai_responses_rendering import rendered
from llmtrace.providers.parameters import as_attributes
from llmtrace.providers.reading import objects, text_or_none
from llmtrace.types import Part

PATH: Final = "/responses"

SENT: Final = {
    "model": semconv.REQUEST_MODEL,
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "stream": semconv.REQUEST_STREAM,
    "service_tier": semconv.OPENAI_REQUEST_SERVICE_TIER,
    "previous_response_id": semconv.REQUEST_PREVIOUS_RESPONSE_ID,
}
UNNAMED: Final = frozenset({"input", "instructions", "tools", "text", "reasoning", "user", "safety_identifier"})
MISSING: Final = ("stop", "seed")


class Responses(ChatProtocol):
    """The protocol. What the provider keeps of a conversation is named with ``extra={"previous_response_id": …}``."""

    def body(self, request: Request) -> dict[str, Any]:
        params = request.params
        for name in MISSING:
            if name in params:
                raise UnsupportedError(f"The Responses API has no {name!r}: leave it out, or use the chat API.")
        sent: dict[str, Any] = {
            "model": request.model,
            "input": [item for each in request.messages for item in items(each)],
        }
        sent.update((name, params[name]) for name in ("temperature", "top_p") if name in params)
        if "max_tokens" in params:
            sent["max_output_tokens"] = params["max_tokens"]
        if "tool_choice" in params:
            sent["tool_choice"] = tool_choice(params["tool_choice"])
        if request.schema is not None:
            sent["text"] = {"format": text_format(request.schema)}
        elif params.get("json_mode"):
            sent["text"] = {"format": {"type": "json_object"}}
        if request.tools:
            sent["tools"] = [tool(each) for each in request.tools]
        if request.stream:
            sent["stream"] = True
        sent.update(request.extra)
        return sent

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        attributes = {semconv.OPENAI_API_TYPE: "responses", **as_attributes(body, SENT, UNNAMED)}
        reasoning, text = body.get("reasoning"), body.get("text")
        if isinstance(reasoning, Mapping) and isinstance(reasoning.get("effort"), str):
            attributes[semconv.REQUEST_REASONING_LEVEL] = reasoning["effort"]
        form = text.get("format") if isinstance(text, Mapping) else None
        if isinstance(form, Mapping) and str(form.get("type")) in OUTPUT_TYPES:
            attributes[semconv.OUTPUT_TYPE] = OUTPUT_TYPES[form["type"]]
        return attributes

    def input(self, body: Mapping[str, Any]) -> dict[str, Any]:
        given = body.get("input")
        messages = [{"role": "user", "content": given}] if isinstance(given, str) else objects(given)
        content: dict[str, Any] = {semconv.INPUT_MESSAGES: [rendered(each) for each in messages]}
        if body.get("instructions"):
            content[semconv.SYSTEM_INSTRUCTIONS] = [{"type": "text", "content": body["instructions"]}]
        if body.get("tools"):
            content[semconv.TOOL_DEFINITIONS] = objects(body["tools"])
        return content

    def answer(self, data: Any) -> Answer:
        if not isinstance(data, Mapping):
            return Answer()
        read = Answer(
            [choice(data)], text_or_none(data.get("id")), text_or_none(data.get("model")), usage(data.get("usage"))
        )
        describe(read, data)
        if data.get("status") == "failed":
            read.failed = failure(data)
        return read

    def reader(self) -> ResponsesReader:
        return ResponsesReader(self)


def items(given: AnyMessage) -> Iterable[dict[str, Any]]:
    """The items of the input that a message becomes; a dict with a ``type`` is an item already."""
    if isinstance(given, Mapping) and "type" in given and "role" not in given:
        yield dict(given)
        return
    message = as_message(given)
    if message.native is not None and NATIVE in message.native:
        yield from message.native[NATIVE]
        return
    if message.role == "tool":
        yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": message.text}
        return
    said = [part(each, message.role) for each in parts(message)]
    if said or not message.tool_calls:
        text = message.content if isinstance(message.content, str) and message.role != "assistant" else said
        yield {"role": message.role, "content": text}
    for call in message.tool_calls:
        arguments = call.raw_arguments if call.raw_arguments is not None else as_json(call.arguments)
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}


def part(given: Part | str, role: str) -> dict[str, Any]:
    """One part of a message's content."""
    if isinstance(given, str):
        return {"type": "output_text" if role == "assistant" else "input_text", "text": given}
    if given.type == "image":
        image = {"file_id": given.file_id} if given.file_id else {"image_url": data_url(given)}
        return {"type": "input_image", "detail": "auto", **image}
    if given.type == "document":
        if given.file_id:
            return {"type": "input_file", "file_id": given.file_id}
        if given.uri:
            return {"type": "input_file", "file_url": given.uri}
        return {"type": "input_file", "filename": "document.pdf", "file_data": data_url(given)}
    if given.type == "audio":
        raise UnsupportedError("The Responses API takes no audio: use the chat API.")
    return part(given.text or "", role)


def tool(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's definition; OpenAI's chat form and the bare function are both brought into this one's."""
    function = function_of(spec)
    if function is spec and "type" in spec:
        return dict(spec)
    # Left out, `strict` is on there, and a schema with optional arguments refused.
    # Source: OpenAI, Migrate to the Responses API, "Function definitions".
    return {"type": "function", "strict": False, **function}


def tool_choice(value: Any) -> Any:
    """``auto``, ``none`` and ``required`` as they are, else the name of the one tool to call."""
    if not isinstance(value, str) or value in ("auto", "none", "required"):
        return value
    return {"type": "function", "name": value}


def text_format(schema: Schema) -> dict[str, Any]:
    """What asks for an answer of a schema, strictly."""
    form = {"type": "json_schema", "name": schema.name, "schema": schema.schema, "strict": schema.strict}
    return named({**form, "description": schema.description})
