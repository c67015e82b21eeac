"""OpenAI's chat completions protocol: pure, from our request to its body and from its answers to ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from llmtrace import semconv
from llmtrace.providers.base import (
    Answer,
    AnyMessage,
    ChatProtocol,
    Choice,
    Chunk,
    Request,
    Schema,
    rendered_call,
)
from llmtrace.providers.hosts import Host
from llmtrace.providers.media import data_url, encoded, named, rendered_bytes, rendered_url
from llmtrace.types import Message, Part, ToolCall, Usage

PATH: Final = "/chat/completions"

SENT: Final = {
    "model": semconv.REQUEST_MODEL,
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_completion_tokens": semconv.REQUEST_MAX_TOKENS,
    "seed": semconv.REQUEST_SEED,
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
    "n": semconv.REQUEST_CHOICE_COUNT,
    "stream": semconv.REQUEST_STREAM,
    "service_tier": semconv.OPENAI_REQUEST_SERVICE_TIER,
    "reasoning_effort": semconv.REQUEST_REASONING_LEVEL,
}
COMMON: Final = {"temperature": "temperature", "top_p": "top_p", "seed": "seed", "stop": "stop"}
UNNAMED: Final = frozenset(
    {"messages", "tools", "stop", "response_format", "stream_options", "user", "safety_identifier"}
)
OUTPUT_TYPES: Final = {"json_object": "json", "json_schema": "json", "text": "text"}
DATA_MODALITIES: Final = {"pdf": "application/pdf"}


class ChatCompletions(ChatProtocol):
    """The protocol, with what differs between the hosts that speak it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def body(self, request: Request) -> dict[str, Any]:
        params = request.params
        sent: dict[str, Any] = {"model": request.model, "messages": [message(each) for each in request.messages]}
        for name, value in params.items():
            if name in COMMON:
                sent[COMMON[name]] = list(value) if isinstance(value, tuple) else value
            elif name == "max_tokens":
                sent[self._host.max_tokens] = value
            elif name == "tool_choice":
                sent["tool_choice"] = tool_choice(value)
            elif name == "json_mode" and value:
                sent["response_format"] = {"type": "json_object"}
        if request.schema is not None:
            sent["response_format"] = response_format(request.schema)
        if request.tools:
            sent["tools"] = [tool(each) for each in request.tools]
        if request.stream:
            sent["stream"] = True
            if self._host.stream_options:
                sent["stream_options"] = {"include_usage": True}
        sent.update(request.extra)
        return sent

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        attributes: dict[str, Any] = {semconv.OPENAI_API_TYPE: "chat_completions"}
        for key, value in body.items():
            if key in SENT:
                if value is not None:
                    attributes[SENT[key]] = value
            elif key not in UNNAMED and isinstance(value, (bool, int, float, str)):
                attributes[f"{semconv.REQUEST_OTHER}{key}"] = value
        stop = body.get("stop")
        if stop is not None:
            attributes[semconv.REQUEST_STOP_SEQUENCES] = [stop] if isinstance(stop, str) else list(stop)
        form = body.get("response_format")
        if isinstance(form, Mapping) and form.get("type") in OUTPUT_TYPES:
            attributes[semconv.OUTPUT_TYPE] = OUTPUT_TYPES[form["type"]]
        return attributes

    def input(self, body: Mapping[str, Any]) -> dict[str, Any]:
        messages = body.get("messages") or ()
        content: dict[str, Any] = {semconv.INPUT_MESSAGES: [rendered(each) for each in messages]}
        if body.get("tools"):
            content[semconv.TOOL_DEFINITIONS] = [rendered_tool(each) for each in body["tools"]]
        return content

    def answer(self, data: Any) -> Answer:
        if not isinstance(data, Mapping):
            return Answer()
        choices = [choice(each) for each in data.get("choices") or () if isinstance(each, Mapping)]
        read = Answer(choices, text_or_none(data.get("id")), text_or_none(data.get("model")), usage(data.get("usage")))
        describe(read, data)
        return read

    def reader(self) -> ChatReader:
        return ChatReader()


def response_format(schema: Schema) -> dict[str, Any]:
    """What asks for an answer of a schema, strictly."""
    form = {"name": schema.name, "schema": schema.schema, "strict": True, "description": schema.description}
    return {"type": "json_schema", "json_schema": named(form)}


def message(given: AnyMessage) -> dict[str, Any]:
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
    arguments = call.raw_arguments if call.raw_arguments is not None else json.dumps(call.arguments)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def tool(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool's definition: OpenAI's own form, or the bare function with ``name`` and ``parameters``."""
    return spec if "type" in spec else {"type": "function", "function": spec}


def tool_choice(value: Any) -> Any:
    """``auto``, ``none`` and ``required`` as they are, else the name of the one tool to call."""
    if not isinstance(value, str) or value in ("auto", "none", "required"):
        return value
    return {"type": "function", "function": {"name": value}}


def usage(data: Any) -> Usage | None:
    """The token counts of a usage object; cached and reasoning tokens are part of its totals already."""
    if not isinstance(data, Mapping):
        return None
    given = data.get("prompt_tokens_details")
    taken = data.get("completion_tokens_details")
    prompt: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    completion: Mapping[str, Any] = taken if isinstance(taken, Mapping) else {}
    return Usage(
        count(data.get("prompt_tokens")),
        count(data.get("completion_tokens")),
        count(prompt.get("cached_tokens")),
        count(prompt.get("cache_write_tokens")),
        count(completion.get("reasoning_tokens")),
    )


def count(value: Any) -> int | None:
    """A number of tokens, None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def describe(read: Answer, data: Mapping[str, Any]) -> None:
    """Put OpenAI's own attributes of an answer or a chunk on `read`."""
    tier, fingerprint = data.get("service_tier"), data.get("system_fingerprint")
    if isinstance(tier, str):
        read.tier = read.attributes[semconv.OPENAI_RESPONSE_SERVICE_TIER] = tier
    if isinstance(fingerprint, str):
        read.attributes[semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT] = fingerprint


def text_or_none(value: Any) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None


def choice(data: Mapping[str, Any]) -> Choice:
    """One choice. A choice that a content filter has taken out has no message."""
    found = data.get("message")
    said: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    calls = [call_of(each) for each in said.get("tool_calls") or () if isinstance(each, Mapping)]
    text = said.get("content")
    if text is None:
        text = said.get("refusal")
    return Choice(
        text if isinstance(text, str) else plain_text(text),
        calls,
        text_or_none(said.get("reasoning_content")) or text_or_none(said.get("reasoning")),
        text_or_none(data.get("finish_reason")),
    )


def plain_text(content: Any) -> str | None:
    """The text of a content that came as parts."""
    if not isinstance(content, Sequence):
        return None
    return "".join(str(each.get("text") or "") for each in content if isinstance(each, Mapping))


def call_of(data: Mapping[str, Any]) -> ToolCall:
    """A tool call as it came."""
    function = data.get("function") or data.get("custom") or {}
    arguments = function.get("arguments", function.get("input", ""))
    return parsed_call(data.get("id"), function.get("name") or "", arguments)


def parsed_call(id: str | None, name: str, arguments: Any) -> ToolCall:
    """A tool call with its arguments decoded; what is no JSON object is kept as the text that it was."""
    if isinstance(arguments, Mapping):
        return ToolCall(id, name, dict(arguments))
    try:
        decoded = json.loads(arguments or "{}")
    except (ValueError, TypeError, RecursionError):
        decoded = None
    if isinstance(decoded, dict):
        return ToolCall(id, name, decoded, arguments if arguments else None)
    return ToolCall(id, name, {}, str(arguments))


class _Choice:
    """A choice that is being streamed."""

    __slots__ = ("calls", "finish_reason", "reasoning", "text")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.calls: list[dict[str, Any]] = []
        self.finish_reason: str | None = None


class ChatReader:
    """Puts a streamed chat completion together."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._choices: dict[int, _Choice] = {}
        self._usage: Any = None

    def feed(self, event: Any) -> Chunk | None:
        read = self._answer
        if read.id is None:
            read.id = text_or_none(event.get("id"))
        if read.model is None:
            read.model = text_or_none(event.get("model"))
        if "service_tier" in event or "system_fingerprint" in event:
            describe(read, event)
        if event.get("usage"):
            self._usage = event["usage"]
        choices = event.get("choices")
        if not choices:
            return None
        text, finish = "", None
        for each in choices:
            index = each.get("index") or 0
            state = self._choices.get(index)
            if state is None:
                state = self._choices[index] = _Choice()
            delta = each.get("delta")
            added = self._add(state, delta) if delta else ""
            if each.get("finish_reason"):
                state.finish_reason = each["finish_reason"]
            if index == 0:
                text, finish = added, each.get("finish_reason")
        return Chunk(text, finish, event)

    def _add(self, state: _Choice, delta: Mapping[str, Any]) -> str:
        text = delta.get("content") or delta.get("refusal") or ""
        if text:
            state.text.append(text)
        if delta.get("tool_calls"):
            for call in delta["tool_calls"]:
                add_call(state.calls, call)
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning:
            state.reasoning.append(reasoning)
        return text

    @property
    def finished(self) -> bool:
        """Every choice has its finish reason; the SDK takes a stream that was merely cut for a whole one."""
        states = self._choices.values()
        return bool(states) and all(state.finish_reason is not None for state in states)

    def answer(self) -> Answer:
        read = self._answer
        read.usage = usage(self._usage)
        read.choices = [
            Choice(
                "".join(state.text) if state.text else None,
                [parsed_call(call["id"], call["name"], "".join(call["arguments"])) for call in state.calls],
                "".join(state.reasoning) or None,
                state.finish_reason,
            )
            for _, state in sorted(self._choices.items())
        ]
        return read


def add_call(calls: list[dict[str, Any]], delta: Mapping[str, Any]) -> None:
    """Add a piece of a tool call. Hosts have sent every call with index 0: a new id is a new call."""
    function = delta.get("function") or {}
    id, index = delta.get("id"), delta.get("index")
    known = next((call for call in reversed(calls) if call["index"] == index), None)
    if known is None or (id and known["id"] and id != known["id"]):
        known = {"index": index, "id": id, "name": "", "arguments": []}
        calls.append(known)
    known["id"] = known["id"] or id
    known["name"] = known["name"] or function.get("name") or ""
    if function.get("arguments"):
        known["arguments"].append(function["arguments"])


def rendered(sent: Any) -> dict[str, Any]:
    """One message of the body."""
    if not isinstance(sent, Mapping):
        return {"role": "user", "parts": [{"type": "text", "content": str(sent)}]}
    content, parts = sent.get("content"), list[dict[str, Any]]()
    if sent.get("role") == "tool":
        parts.append(named({"type": "tool_call_response", "id": sent.get("tool_call_id"), "response": content}))
    elif isinstance(content, str):
        parts.append({"type": "text", "content": content})
    elif isinstance(content, Sequence):
        parts.extend(rendered_part(each) for each in content)
    for each in sent.get("tool_calls") or ():
        if isinstance(each, Mapping):
            parts.append(rendered_call(call_of(each)))
    return named({"role": str(sent.get("role") or "user"), "parts": parts, "name": sent.get("name")})


def rendered_part(sent: Any) -> dict[str, Any]:
    """One part of a message's content."""
    if not isinstance(sent, Mapping):
        return {"type": "text", "content": str(sent)}
    kind = sent.get("type")
    held = sent.get(str(kind))
    inner: Mapping[str, Any] = held if isinstance(held, Mapping) else {}
    if kind == "image_url":
        return rendered_url("image", str(inner.get("url") or held or ""))
    if kind == "input_audio":
        return rendered_bytes("audio", str(inner.get("data") or ""), f"audio/{inner.get('format')}")
    if kind == "file":
        if inner.get("file_id"):
            return {"type": "file", "modality": "document", "file_id": inner["file_id"]}
        return rendered_url("document", str(inner.get("file_data") or ""))
    return {"type": "text", "content": str(sent.get("text") or sent.get("refusal") or "")}


def rendered_tool(sent: Any) -> Any:
    """A tool's definition with its type beside its name, as the conventions have it."""
    if isinstance(sent, Mapping) and isinstance(sent.get("function"), Mapping):
        return {"type": sent.get("type", "function"), **sent["function"]}
    return sent
