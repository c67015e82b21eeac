"""Anthropic's Messages protocol: pure, from our request to its body and from its answers to ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from llmtrace import semconv
from llmtrace.exceptions import UnsupportedError
from llmtrace.providers.anthropic_reading import NATIVE, MessageReader, answer
from llmtrace.providers.anthropic_rendering import rendered, rendered_system
from llmtrace.providers.base import Answer, ChatProtocol, Request, Schema
from llmtrace.providers.media import encoded
from llmtrace.providers.messages import JSON_REQUEST, as_message, function_of, parts
from llmtrace.providers.parameters import as_attributes
from llmtrace.providers.reading import objects, words
from llmtrace.types import Message, Part, ToolCall

PATH: Final = "/v1/messages"
MAX_TOKENS: Final = 4096
"""The API has no default for it and refuses a request without: what is sent when the call names none."""

SENT: Final = {
    "model": semconv.REQUEST_MODEL,
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "top_k": semconv.REQUEST_TOP_K,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "stream": semconv.REQUEST_STREAM,
}
UNNAMED: Final = frozenset({"messages", "system", "tools", "stop_sequences", "metadata"})


class Messages(ChatProtocol):
    """The protocol. System messages are sent apart; tool results are parts of a user's message."""

    def body(self, request: Request) -> dict[str, Any]:
        params = request.params
        if "seed" in params:
            raise UnsupportedError("Anthropic has no 'seed': leave it out.")
        messages = [as_message(each) for each in request.messages]
        sent: dict[str, Any] = {
            "model": request.model,
            "max_tokens": params.get("max_tokens", MAX_TOKENS),
            "messages": merged(turn(each) for each in messages if each.role not in ("system", "developer")),
        }
        system = [part for each in messages if each.role in ("system", "developer") for part in parts(each)]
        if system:
            texts = [each if isinstance(each, str) else each.text or "" for each in system]
            sent["system"] = texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]
        sent.update((name, params[name]) for name in ("temperature", "top_p") if name in params)
        if "stop" in params:
            stop = params["stop"]
            sent["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
        if request.tools:
            sent["tools"] = [tool(each) for each in request.tools]
        if "tool_choice" in params:
            sent["tool_choice"] = tool_choice(params["tool_choice"])
        self._shape(sent, request)
        if request.stream:
            sent["stream"] = True
        sent.update(request.extra)
        return sent

    def _shape(self, sent: dict[str, Any], request: Request) -> None:
        """Ask for an answer of a schema as the input of a tool, which every model of theirs knows how to give."""
        if request.schema is not None:
            sent["tools"] = [*sent.get("tools", ()), schema_tool(request.schema)]
            sent.setdefault("tool_choice", {"type": "any"} if request.tools else named_tool(request.schema.name))
        elif request.params.get("json_mode"):
            sent["system"] = with_json_request(sent.get("system"))

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        attributes = as_attributes(body, SENT, UNNAMED)
        stop = words(body.get("stop_sequences"))
        if stop:
            attributes[semconv.REQUEST_STOP_SEQUENCES] = stop
        return attributes

    def input(self, body: Mapping[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = {semconv.INPUT_MESSAGES: [rendered(each) for each in objects(body.get("messages"))]}
        if body.get("system"):
            content[semconv.SYSTEM_INSTRUCTIONS] = rendered_system(body["system"])
        if body.get("tools"):
            content[semconv.TOOL_DEFINITIONS] = [defined(each) for each in objects(body["tools"])]
        return content

    def answer(self, data: Any) -> Answer:
        return answer(data)

    def reader(self) -> MessageReader:
        return MessageReader()


def turn(message: Message) -> dict[str, Any]:
    """A message in their form: a tool's result is said by the user."""
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.text}
        return {"role": "user", "content": [result]}
    if message.native is not None and NATIVE in message.native:
        return {"role": message.role, "content": list(message.native[NATIVE])}
    content: Any = message.content
    if not isinstance(content, str) or message.tool_calls:
        content = [*(block(each) for each in parts(message)), *(tool_use(call) for call in message.tool_calls)]
    return {"role": message.role, "content": content}


def merged(turns: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The turns with neighbouring results of tools in one: all of them must follow the call that asked for them.

    Source: Anthropic, Tool use, "Handling results from multiple tools".
    """
    joined: list[dict[str, Any]] = []
    for each in turns:
        before = joined[-1] if joined else None
        if before is not None and is_result(before) and is_result(each):
            before["content"].extend(each["content"])
        else:
            joined.append(each)
    return joined


def is_result(sent: Mapping[str, Any]) -> bool:
    """Whether the turn holds results of tools."""
    content = sent["content"]
    return isinstance(content, list) and bool(content) and content[0].get("type") == "tool_result"


def block(part: Part | str) -> dict[str, Any]:
    """One part of a message's content."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if part.type == "audio":
        raise UnsupportedError("Anthropic takes no audio.")
    if part.type in ("image", "document"):
        return {"type": part.type, "source": source(part)}
    return {"type": "text", "text": part.text or ""}


def source(part: Part) -> dict[str, Any]:
    """Where a medium comes from."""
    if part.file_id:
        return {"type": "file", "file_id": part.file_id}
    if part.data is None:
        return {"type": "url", "url": part.uri}
    return {"type": "base64", "media_type": part.mime_type, "data": encoded(part)}


def tool_use(call: ToolCall) -> dict[str, Any]:
    """A call that the model asked for, sent back to it."""
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}


def tool(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's definition; OpenAI's form and the bare function are brought into theirs."""
    spec = function_of(spec)
    if "parameters" not in spec:
        return dict(spec)
    rest = {key: value for key, value in spec.items() if key not in ("parameters", "strict", "type")}
    return {**rest, "input_schema": spec["parameters"]}


def schema_tool(schema: Schema) -> dict[str, Any]:
    """The tool whose input is the answer."""
    description = schema.description or "Gives the answer in the form that was asked for."
    return {"name": schema.name, "description": description, "input_schema": schema.schema}


def tool_choice(value: Any) -> Any:
    """OpenAI's words for it in theirs; a name is the one tool to call."""
    if not isinstance(value, str):
        return value
    return {"type": "any" if value == "required" else value} if value in CHOICES else named_tool(value)


CHOICES: Final = ("auto", "none", "required", "any")


def named_tool(name: str) -> dict[str, str]:
    """The choice of one tool."""
    return {"type": "tool", "name": name}


def with_json_request(system: Any) -> Any:
    """The system text that asks for JSON: the API has no switch for it."""
    if not system:
        return JSON_REQUEST
    if isinstance(system, str):
        return f"{system}\n\n{JSON_REQUEST}"
    return [*system, {"type": "text", "text": JSON_REQUEST}]


def defined(sent: Any) -> Any:
    """A tool's definition as the conventions have it."""
    if not isinstance(sent, Mapping) or "input_schema" not in sent:
        return sent
    rest = {key: value for key, value in sent.items() if key != "input_schema"}
    return {"type": "function", **rest, "parameters": sent["input_schema"]}
