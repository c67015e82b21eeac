"""Cohere's v2 chat protocol: pure, from our request to its body and from its answers to ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmtrace import semconv
from llmtrace.exceptions import UnsupportedError
from llmtrace.providers.base import Answer, AnyMessage, ChatProtocol, Choice, Chunk, Request
from llmtrace.providers.openai_chat import message as openai_message
from llmtrace.providers.openai_chat import tool
from llmtrace.providers.openai_chat_reading import call_of
from llmtrace.providers.openai_chat_rendering import rendered, rendered_tool
from llmtrace.providers.parameters import as_attributes
from llmtrace.providers.reading import count, objects, parsed_call, part_of, place, text_or_none, texts, words
from llmtrace.types import ToolCall, Usage

SENT: Final = {
    "model": semconv.REQUEST_MODEL,
    "temperature": semconv.REQUEST_TEMPERATURE,
    "p": semconv.REQUEST_TOP_P,
    "k": semconv.REQUEST_TOP_K,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "seed": semconv.REQUEST_SEED,
    "frequency_penalty": semconv.REQUEST_FREQUENCY_PENALTY,
    "presence_penalty": semconv.REQUEST_PRESENCE_PENALTY,
}
COMMON: Final = {"temperature": "temperature", "top_p": "p", "max_tokens": "max_tokens", "seed": "seed"}
UNNAMED: Final = frozenset({"messages", "tools", "response_format", "documents"})


class CohereChat(ChatProtocol):
    """The protocol: close to OpenAI's in what is sent, its own in what comes back."""

    def body(self, request: Request) -> dict[str, Any]:
        params = request.params
        sent: dict[str, Any] = {"model": request.model, "messages": [message(each) for each in request.messages]}
        sent.update((COMMON[name], value) for name, value in params.items() if name in COMMON)
        if "stop" in params:
            stop = params["stop"]
            sent["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
        if request.tools:
            sent["tools"] = [tool(each) for each in request.tools]
        choice = tool_choice(params.get("tool_choice"))
        if choice is not None:
            sent["tool_choice"] = choice
        if request.schema is not None:
            sent["response_format"] = {"type": "json_object", "schema": dict(request.schema.schema)}
        elif params.get("json_mode"):
            sent["response_format"] = {"type": "json_object"}
        sent.update(request.extra)
        return sent

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        attributes = as_attributes(body, SENT, UNNAMED)
        stop = words(body.get("stop_sequences"))
        if stop:
            attributes[semconv.REQUEST_STOP_SEQUENCES] = stop
        if "response_format" in body:
            attributes[semconv.OUTPUT_TYPE] = "json"
        return attributes

    def input(self, body: Mapping[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = {semconv.INPUT_MESSAGES: [rendered(each) for each in objects(body.get("messages"))]}
        if body.get("tools"):
            content[semconv.TOOL_DEFINITIONS] = [rendered_tool(each) for each in objects(body["tools"])]
        return content

    def answer(self, data: Any) -> Answer:
        if not isinstance(data, Mapping):
            return Answer()
        reason = text_or_none(data.get("finish_reason"))
        said = choice(data.get("message"), reason)
        return Answer([said], text_or_none(data.get("id")), usage=usage(data.get("usage")), failed=failed(reason))

    def reader(self) -> CohereReader:
        return CohereReader()


def message(given: AnyMessage) -> dict[str, Any]:
    """One message. A turn with tool calls says what it has to say as a plan."""
    sent = openai_message(given)
    if sent.get("role") == "developer":
        sent["role"] = "system"
    if sent.get("tool_calls") and sent.get("content"):
        sent["tool_plan"] = sent.pop("content")
    return sent


def tool_choice(value: Any) -> str | None:
    """OpenAI's words for it in theirs, which have none for one tool."""
    if value is None or value == "auto":
        return None
    if value in ("required", "none", "REQUIRED", "NONE"):
        return str(value).upper()
    raise UnsupportedError("Cohere can't be told which tool to call: give only that tool, and 'required'.")


def choice(said: Any, reason: str | None) -> Choice:
    """The one answer. A plan of which tools to call is the model's reasoning."""
    if not isinstance(said, Mapping):
        return Choice(finish_reason=reason)
    blocks = objects(said.get("content"))
    text = texts(each.get("text") for each in blocks if each.get("type") == "text")
    thought = texts(each.get("thinking") for each in blocks if each.get("type") == "thinking")
    calls = [call_of(each) for each in objects(said.get("tool_calls"))]
    return Choice(text or None, calls, thought or text_or_none(said.get("tool_plan")), reason)


def failed(reason: str | None) -> str | None:
    """The finish reason if it means that there was a failure. Source: Cohere, API reference, Chat: `finish_reason`."""
    return reason if reason in ("ERROR", "TIMEOUT") else None


def usage(data: Any) -> Usage | None:
    """The billed units: what the price goes by, less than the tokens that the model saw."""
    billed = data.get("billed_units") if isinstance(data, Mapping) else None
    if not isinstance(billed, Mapping):
        return None
    cached = count(whole(data.get("cached_tokens")))
    return Usage(count(whole(billed.get("input_tokens"))), count(whole(billed.get("output_tokens"))), cached)


def whole(value: Any) -> Any:
    """A count that came as a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class CohereReader:
    """Puts a streamed answer together."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._text: list[str] = []
        self._thought: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._reason: str | None = None

    def feed(self, event: Any) -> Chunk | None:
        kind, delta = event.get("type"), part_of(event, "delta")
        said = part_of(delta, "message")
        if kind == "content-delta":
            content = part_of(said, "content")
            self._thought.append(text_or_none(content.get("thinking")) or "")
            text = text_or_none(content.get("text")) or ""
            self._text.append(text)
            return Chunk(text, None, event)
        if kind == "tool-plan-delta":
            self._thought.append(text_or_none(said.get("tool_plan")) or "")
            return Chunk("", None, event)
        if kind in ("tool-call-start", "tool-call-delta"):
            self._called(place(event), part_of(said, "tool_calls"))
        elif kind == "message-start" and self._answer.id is None:
            self._answer.id = text_or_none(event.get("id"))
        elif kind == "message-end":
            self._reason = text_or_none(delta.get("finish_reason"))
            self._answer.usage = usage(delta.get("usage"))
            return Chunk("", self._reason, event)
        return None

    def _called(self, index: int, call: Mapping[str, Any]) -> None:
        function = part_of(call, "function")
        known = self._calls.setdefault(index, {"id": None, "name": "", "arguments": []})
        known["id"] = known["id"] or call.get("id")
        known["name"] = known["name"] or function.get("name") or ""
        known["arguments"].append(text_or_none(function.get("arguments")) or "")

    @property
    def finished(self) -> bool:
        """Whether the event that ends a message has come."""
        return self._reason is not None

    def answer(self) -> Answer:
        calls: list[ToolCall] = [
            parsed_call(each["id"], each["name"], "".join(each["arguments"])) for _, each in sorted(self._calls.items())
        ]
        text = "".join(self._text) or None
        said = Choice(text, calls, "".join(self._thought) or None, self._reason)
        self._answer.failed = failed(self._reason)
        self._answer.choices = [said] if text or calls or self._reason else []
        return self._answer
