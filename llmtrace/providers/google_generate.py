"""Google's generateContent protocol, of Gemini and Vertex: pure, from our request to the SDK's arguments and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from llmtrace import semconv
from llmtrace.exceptions import UnsupportedError
from llmtrace.providers.base import Answer, ChatProtocol, Request
from llmtrace.providers.google_reading import NATIVE, GenerateReader, answer
from llmtrace.providers.google_rendering import rendered, rendered_part
from llmtrace.providers.messages import as_message, function_of, parts
from llmtrace.providers.reading import objects, words
from llmtrace.types import Message, Part, ToolCall

SENT: Final = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "top_k": semconv.REQUEST_TOP_K,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "seed": semconv.REQUEST_SEED,
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "candidate_count": semconv.REQUEST_CHOICE_COUNT,
}
COMMON: Final = {"temperature": "temperature", "top_p": "top_p", "max_tokens": "max_output_tokens", "seed": "seed"}
MODES: Final = {"auto": "AUTO", "required": "ANY", "any": "ANY", "none": "NONE"}
GUESSED: Final = {"image": "image/jpeg", "audio": "audio/mpeg", "document": "application/pdf"}
JSON: Final = "application/json"


class GenerateContent(ChatProtocol):
    """The protocol. `body` is what the SDK's method takes; what is in ``extra`` goes into its ``config``."""

    operation = "generate_content"

    def body(self, request: Request) -> dict[str, Any]:
        params = request.params
        messages = [as_message(each) for each in request.messages]
        names = {call.id: call.name for each in messages for call in each.tool_calls}
        turns = (turn(each, names) for each in messages if each.role not in ("system", "developer"))
        config: dict[str, Any] = {COMMON[name]: value for name, value in params.items() if name in COMMON}
        system = [part for each in messages if each.role in ("system", "developer") for part in parts(each)]
        if system:
            config["system_instruction"] = {"parts": [content_part(each) for each in system]}
        if "stop" in params:
            stop = params["stop"]
            config["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
        if request.tools:
            config["tools"] = [{"function_declarations": [declared(each) for each in request.tools]}]
            # The SDK would call Python functions by itself, in requests that nobody sees.
            config["automatic_function_calling"] = {"disable": True}
        if "tool_choice" in params:
            config["tool_config"] = {"function_calling_config": tool_choice(params["tool_choice"])}
        if request.schema is not None:
            config |= {"response_mime_type": JSON, "response_json_schema": dict(request.schema.schema)}
        elif params.get("json_mode"):
            config["response_mime_type"] = JSON
        config.update(request.extra)
        return {"model": request.model, "contents": merged(turns), "config": config}

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        attributes: dict[str, Any] = {semconv.REQUEST_MODEL: body["model"]}
        config = body["config"]
        for name, value in config.items():
            if name in SENT and isinstance(value, (bool, int, float, str)):
                attributes[SENT[name]] = value
        stop = words(config.get("stop_sequences"))
        if stop:
            attributes[semconv.REQUEST_STOP_SEQUENCES] = stop
        if config.get("response_mime_type") == JSON:
            attributes[semconv.OUTPUT_TYPE] = "json"
        return attributes

    def input(self, body: Mapping[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = {semconv.INPUT_MESSAGES: [rendered(each) for each in body["contents"]]}
        config = body["config"]
        system = config.get("system_instruction")
        if isinstance(system, str):
            content[semconv.SYSTEM_INSTRUCTIONS] = [{"type": "text", "content": system}]
        elif isinstance(system, Mapping):
            content[semconv.SYSTEM_INSTRUCTIONS] = [rendered_part(each) for each in objects(system.get("parts"))]
        tools = [
            defined(each)
            for group in objects(config.get("tools"))
            for each in objects(group.get("function_declarations"))
        ]
        if tools:
            content[semconv.TOOL_DEFINITIONS] = tools
        return content

    def answer(self, data: Any) -> Answer:
        return answer(data)

    def reader(self) -> GenerateReader:
        return GenerateReader()


def turn(message: Message, names: Mapping[str | None, str]) -> dict[str, Any]:
    """A message in their form: a tool's result is said by the user, and names its function."""
    if message.role == "tool":
        name = message.name or names.get(message.tool_call_id) or ""
        response = {"id": message.tool_call_id or None, "name": name, "response": {"result": message.text}}
        return {"role": "user", "parts": [{"function_response": response}]}
    if message.native is not None and NATIVE in message.native:
        return {"role": "model", "parts": list(message.native[NATIVE])}
    said = [content_part(each) for each in parts(message)]
    said += [{"function_call": function_call(call)} for call in message.tool_calls]
    return {"role": "model" if message.role == "assistant" else "user", "parts": said}


def merged(turns: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The turns with neighbouring results of tools in one: there have to be as many as there were calls.

    Source: Google, Gemini API, Function calling, "Parallel function calling".
    """
    joined: list[dict[str, Any]] = []
    for each in turns:
        if joined and is_result(joined[-1]) and is_result(each):
            joined[-1]["parts"].extend(each["parts"])
        else:
            joined.append(each)
    return joined


def is_result(sent: Mapping[str, Any]) -> bool:
    """Whether the turn holds results of tools."""
    return bool(sent["parts"]) and "function_response" in sent["parts"][0]


def content_part(part: Part | str) -> dict[str, Any]:
    """One part of a message's content."""
    if isinstance(part, str):
        return {"text": part}
    if part.type not in GUESSED:
        return {"text": part.text or ""}
    if part.data is not None:
        return {"inline_data": {"mime_type": part.mime_type, "data": part.data}}
    uri = part.uri or part.file_id
    return {"file_data": {"file_uri": uri, "mime_type": part.mime_type or GUESSED[part.type]}}


def function_call(call: ToolCall) -> dict[str, Any]:
    """A call that the model asked for, sent back to it."""
    sent = {"id": call.id, "name": call.name, "args": call.arguments}
    return {name: value for name, value in sent.items() if value is not None}


def declared(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's definition; OpenAI's form and the bare function are brought into theirs."""
    spec = function_of(spec)
    rest = {key: value for key, value in spec.items() if key not in ("parameters", "strict", "type")}
    return {**rest, "parameters_json_schema": spec["parameters"]} if "parameters" in spec else rest


def tool_choice(value: Any) -> dict[str, Any]:
    """OpenAI's words for it in theirs; a name is the one tool to call."""
    if isinstance(value, Mapping):
        return dict(value)
    if not isinstance(value, str):
        raise UnsupportedError("tool_choice is a word, a tool's name or a dict.")
    return {"mode": MODES[value]} if value in MODES else {"mode": "ANY", "allowed_function_names": [value]}


def defined(sent: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's definition as the conventions have it."""
    rest = {key: value for key, value in sent.items() if key != "parameters_json_schema"}
    return {"type": "function", **rest, "parameters": sent.get("parameters_json_schema")}
