"""OpenAI's chat completions protocol: what is sent, and the reader of what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmtrace import semconv
from llmtrace.jsontext import as_json
from llmtrace.providers.base import (
    Answer,
    AnyMessage,
    ChatProtocol,
    Request,
    Schema,
)
from llmtrace.providers.hosts import Host
from llmtrace.providers.media import data_url, encoded, named
from llmtrace.providers.messages import JSON_REQUEST
from llmtrace.providers.openai_chat_reading import THOUGHT, ChatReader, choice, describe, error_in, failed, usage
from llmtrace.providers.openai_chat_rendering import rendered, rendered_tool
from llmtrace.providers.parameters import as_attributes
from llmtrace.providers.reading import objects, part_of, text_or_none
from llmtrace.types import Message, Part, ToolCall

PATH: Final = "/chat/completions"

SENT: Final = {
    "model": semconv.REQUEST_MODEL,
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_completion_tokens": semconv.REQUEST_MAX_TOKENS,
    "seed": semconv.REQUEST_SEED,
    "random_seed": semconv.REQUEST_SEED,
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "n": semconv.REQUEST_CHOICE_COUNT,
    "stream": semconv.REQUEST_STREAM,
    "service_tier": semconv.OPENAI_REQUEST_SERVICE_TIER,
    "reasoning_effort": semconv.REQUEST_REASONING_LEVEL,
}
COMMON: Final = {"temperature": "temperature", "top_p": "top_p", "stop": "stop"}
UNNAMED: Final = frozenset(
    {"messages", "tools", "stop", "response_format", "stream_options", "user", "safety_identifier"}
)
USAGE_TOO: Final = {"include_usage": True}
OUTPUT_TYPES: Final = {"json_object": "json", "json_schema": "json", "text": "text"}


class ChatCompletions(ChatProtocol):
    """The protocol, with what differs between the hosts that speak it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._names = {**COMMON, "max_tokens": host.max_tokens, "seed": host.seed}

    def body(self, request: Request) -> dict[str, Any]:
        messages = [message(each, wants_thoughts=self._host.wants_thoughts) for each in request.messages]
        sent: dict[str, Any] = {"model": request.model, "messages": messages}
        for name, value in request.params.items():
            if name in self._names:
                sent[self._names[name]] = list(value) if isinstance(value, tuple) else value
            elif name == "tool_choice":
                sent["tool_choice"] = self._host.required if value == "required" else tool_choice(value)
        if request.tools:
            sent["tools"] = [tool(each) for each in request.tools]
        if request.stream:
            sent |= {"stream": True, **({"stream_options": USAGE_TOO} if self._host.stream_options else {})}
        self._shape(sent, request)
        sent.update(request.extra)
        return sent

    def _shape(self, sent: dict[str, Any], request: Request) -> None:
        """Ask for JSON, or for an answer of a schema: with what the host has for it, else in the prompt."""
        schema, wants_json = request.schema, request.params.get("json_mode")
        if schema is not None and self._host.json_schema:
            sent["response_format"] = response_format(schema)
        elif (schema is not None or wants_json) and self._host.json_object:
            sent["response_format"] = {"type": "json_object"}
        if schema is not None and not self._host.json_schema:
            asking = f"{JSON_REQUEST} It has to be of this JSON schema: {as_json(schema.schema)}"
            sent["messages"] = [{"role": "system", "content": asking}, *sent["messages"]]
        elif wants_json and not self._host.json_object:
            sent["messages"] = [{"role": "system", "content": JSON_REQUEST}, *sent["messages"]]

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        attributes = {semconv.OPENAI_API_TYPE: "chat_completions", **as_attributes(body, SENT, UNNAMED)}
        stop = body.get("stop")
        if isinstance(stop, (str, list, tuple)):
            attributes[semconv.REQUEST_STOP_SEQUENCES] = (
                [stop] if isinstance(stop, str) else [str(each) for each in stop]
            )
        output = OUTPUT_TYPES.get(str(part_of(body, "response_format").get("type")))
        if output is not None:
            attributes[semconv.OUTPUT_TYPE] = output
        return attributes

    def input(self, body: Mapping[str, Any]) -> dict[str, Any]:
        messages, tools = body.get("messages"), body.get("tools")
        content: dict[str, Any] = {}
        if isinstance(messages, (list, tuple)):
            content[semconv.INPUT_MESSAGES] = [rendered(each) for each in messages]
        if isinstance(tools, (list, tuple)) and tools:
            content[semconv.TOOL_DEFINITIONS] = [rendered_tool(each) for each in tools]
        return content

    def answer(self, data: Any) -> Answer:
        if not isinstance(data, Mapping):
            return Answer()
        choices = [choice(each) for each in objects(data.get("choices"))]
        read = Answer(choices, text_or_none(data.get("id")), text_or_none(data.get("model")))
        read.usage = usage(data.get("usage"), self._host.reasoning_beside)
        describe(read, data)
        read.failed = failed(choices) or error_in(data)
        return read

    def reader(self) -> ChatReader:
        return ChatReader(self._host.reasoning_beside)


def response_format(schema: Schema) -> dict[str, Any]:
    """What asks for an answer of a schema, strictly."""
    form = {"name": schema.name, "schema": schema.schema, "strict": schema.strict, "description": schema.description}
    return {"type": "json_schema", "json_schema": named(form)}


def message(given: AnyMessage, *, wants_thoughts: bool = False) -> dict[str, Any]:
    """One message in OpenAI's form; a dict is taken to be in it already."""
    if not isinstance(given, Message):
        return dict(given)
    sent: dict[str, Any] = {"role": given.role}
    if isinstance(given.content, str):
        if given.content or not given.tool_calls:
            sent["content"] = given.content
    else:
        sent["content"] = [part(each) for each in given.content]
    if given.tool_calls:
        sent["tool_calls"] = [tool_call(each) for each in given.tool_calls]
        if wants_thoughts:
            sent[THOUGHT] = (given.native or {}).get(THOUGHT, "")
    if given.tool_call_id is not None:
        sent["tool_call_id"] = given.tool_call_id
    elif given.name is not None:
        sent["name"] = given.name
    return sent


def part(given: Part | str) -> dict[str, Any]:
    """One part of a message's content."""
    if isinstance(given, str):
        return {"type": "text", "text": given}
    if given.type == "image":
        return {"type": "image_url", "image_url": {"url": data_url(given)}}
    if given.type == "audio":
        kind = (given.mime_type or "audio/wav").rpartition("/")[2]
        return {
            "type": "input_audio",
            "input_audio": {"data": encoded(given), "format": {"mpeg": "mp3"}.get(kind, kind)},
        }
    if given.type == "document":
        file = (
            {"file_id": given.file_id} if given.file_id else {"filename": "document.pdf", "file_data": data_url(given)}
        )
        return {"type": "file", "file": file}
    return {"type": "text", "text": given.text or ""}


def tool_call(call: ToolCall) -> dict[str, Any]:
    """A call that the model asked for, sent back to it."""
    arguments = call.raw_arguments if call.raw_arguments is not None else as_json(call.arguments)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def tool(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool's definition: OpenAI's own form, or the bare function with ``name`` and ``parameters``."""
    return spec if "type" in spec else {"type": "function", "function": spec}


def tool_choice(value: Any) -> Any:
    """``auto``, ``none`` and ``required`` as they are, else the name of the one tool to call."""
    if not isinstance(value, str) or value in ("auto", "none", "required"):
        return value
    return {"type": "function", "function": {"name": value}}
