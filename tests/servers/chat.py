"""Hosts that speak OpenAI's chat completions, each with what it refuses and where it puts its usage."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal
from urllib.parse import parse_qs, urlsplit

from llmtrace.types import Usage
from tests.servers.http import Received, Script
from tests.servers.strict import objection
from tests.servers.wire import (
    CACHED,
    COUNTED,
    INPUT,
    KEY,
    OUTPUT,
    REASONING,
    THOUGHT,
    Heard,
    Refusal,
    Said,
    Wire,
    answer,
    event,
    first,
    halves,
)

OPENAI_FIELDS: Final = frozenset(
    "model messages temperature top_p n stream stream_options stop max_tokens max_completion_tokens presence_penalty "
    "frequency_penalty logit_bias logprobs top_logprobs user seed tools tool_choice parallel_tool_calls "
    "response_format service_tier store metadata reasoning_effort modalities audio prediction verbosity "
    "web_search_options "
    "prompt_cache_key safety_identifier".split()
)
MISTRAL_FIELDS: Final = frozenset(
    "model messages temperature top_p n stream stop max_tokens presence_penalty frequency_penalty random_seed tools "
    "tool_choice parallel_tool_calls response_format metadata prediction prompt_mode reasoning_effort safe_prompt "
    "guardrails prompt_cache_key".split()
)
AZURE_AI_FIELDS: Final = frozenset(
    "model messages temperature top_p stream stream_options stop max_tokens presence_penalty frequency_penalty seed "
    "tools tool_choice response_format modalities".split()
)
PERPLEXITY_FIELDS: Final = frozenset(
    "model messages temperature top_p top_k stream stop max_tokens presence_penalty frequency_penalty response_format "
    "search_mode search_domain_filter search_recency_filter return_images return_related_questions reasoning_effort "
    "web_search_options stream_mode".split()
)


@dataclass(frozen=True)
class Dialect:
    """What sets a host apart.

    `usage` is where a stream has it: in a last event without choices when it was asked for, in the event with the
    finish reason, in Groq's own place, or growing in each event. `beside`: reasoning tokens are not among the
    completion's. `thinks`: what it thought before it called tools has to come back.
    """

    path: str = "/v1/chat/completions"
    key: str | None = "authorization"
    query: str | None = None
    fields: frozenset[str] | None = None
    refused: frozenset[str] = frozenset()
    shapes: frozenset[str] = frozenset({"text", "json_object", "json_schema"})
    asks_for_json: bool = False
    choices: frozenset[str] = frozenset({"auto", "none", "required"})
    status: int = 400
    usage: Literal["last", "finish", "groq", "each"] = "last"
    beside: bool = False
    fingerprint: str | None = "fp_1"
    filter: str = "content_filter"
    thinks: bool = False
    empty_first: bool = False


class Chat(Wire):
    """A host of chat completions."""

    ended: ClassVar[bytes] = b"data: [DONE]\n\n"

    def __init__(self, dialect: Dialect, model: str, usage: Usage = COUNTED, id: str = "chatcmpl-1") -> None:
        self.dialect = dialect
        self.model = model
        self.id = id
        self.usage = usage
        if dialect.usage == "each":
            self.early = Usage(INPUT, 1)
        self.words = {
            "end": "stop",
            "tools": "tool_calls",
            "length": "length",
            "filter": dialect.filter,
        }

    def tokens(self) -> dict[str, Any]:
        """What the answer took, as this host counts."""
        completion = OUTPUT - REASONING if self.dialect.beside else OUTPUT
        return {
            "prompt_tokens": INPUT,
            "completion_tokens": completion,
            "total_tokens": INPUT + OUTPUT,
            "prompt_tokens_details": {"cached_tokens": CACHED},
            "completion_tokens_details": {"reasoning_tokens": REASONING},
        }

    def _head(self, kind: str) -> dict[str, Any]:
        head = {"id": self.id, "object": kind, "created": 1741569952, "model": self.model}
        return {**head, "system_fingerprint": self.dialect.fingerprint} if self.dialect.fingerprint else head

    def body(self, said: Said) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said.text}
        if said.calls and self.dialect.thinks:
            message["reasoning_content"] = THOUGHT
        if said.calls:
            message["tool_calls"] = [
                {"id": each.id, "type": "function", "function": {"name": each.name, "arguments": arguments(each)}}
                for each in said.calls
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.words[said.finish]}
        usage = {"usage": self.tokens()} if said.counted else {}
        return {**self._head("chat.completion"), "choices": [choice], **usage}

    def empty(self) -> dict[str, Any]:
        return {**self._head("chat.completion"), "choices": [], "usage": self.tokens()}

    def events(self, said: Said) -> list[bytes]:
        chunks = list(self._chunks(said))
        if self.dialect.usage == "each" and said.counted:
            growing = {"prompt_tokens": INPUT, "completion_tokens": 1, "total_tokens": INPUT + 1}
            chunks = [{"usage": growing, **each} for each in chunks]
        return [event(each) for each in chunks]

    def _chunks(self, said: Said) -> Iterator[dict[str, Any]]:
        dialect = self.dialect
        if dialect.empty_first:
            yield {**self._head(""), "id": "", "model": "", "choices": [], "prompt_filter_results": []}
        yield self._chunk({"role": "assistant", "content": ""})
        if said.calls and dialect.thinks:
            yield from (self._chunk({"content": None, "reasoning_content": piece}) for piece in halves(THOUGHT))
        yield from (self._chunk({"content": word}) for word in said.words)
        for index, each in enumerate(said.calls):
            function = {"name": each.name, "arguments": ""}
            yield self._chunk(
                {"tool_calls": [{"index": index, "id": each.id, "type": "function", "function": function}]}
            )
            for piece in halves(arguments(each)):
                yield self._chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        last = self._chunk({}, self.words[said.finish])
        counted = self.tokens() if said.counted else None
        if counted and dialect.usage in ("finish", "each"):
            last["usage"] = counted
        if counted and dialect.usage == "groq":
            last["x_groq"] = {"id": "req_1", "usage": counted}
        yield last
        if counted and dialect.usage == "last":
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": counted}

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        head = self._head("chat.completion.chunk")
        return {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    def failing(self, message: str) -> bytes:
        return event({"error": {"message": message, "type": "server_error", "param": None, "code": None}})

    def error(self, status: int, message: str, **headers: str) -> Script:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
        return answer(body, status, {"x-request-id": "req_1", **sent})

    def wrong(self, received: Received) -> Refusal | None:
        return first(
            (
                lambda: self._wrong_address(received),
                lambda: self._wrong_fields(received.json),
                lambda: self._wrong_shape(received.json),
                lambda: wrong_tools(received.json, self.dialect),
                lambda: wrong_order(received.json["messages"]),
                lambda: self._wrong_thoughts(received.json["messages"]),
            )
        )

    def _wrong_address(self, received: Received) -> Refusal | None:
        url, dialect = urlsplit(received.path), self.dialect
        given = received.headers.get(dialect.key or "")
        if dialect.key is not None and given != (KEY if dialect.key == "api-key" else f"Bearer {KEY}"):
            return Refusal(401, "Incorrect API key provided.")
        if received.method != "POST" or url.path != dialect.path:
            return Refusal(404, f"Not found: {received.method} {url.path}")
        if dialect.query is not None and not parse_qs(url.query).get(dialect.query):
            return Refusal(404, f"Missing query parameter: {dialect.query}")
        return None

    def _wrong_fields(self, body: Mapping[str, Any]) -> Refusal | None:
        dialect = self.dialect
        extra = [name for name in body if name in dialect.refused or name not in (dialect.fields or body)]
        if extra:
            return Refusal(dialect.status, f"Extra inputs are not permitted: {extra[0]}")
        if not body.get("model") or not body.get("messages"):
            return Refusal(400, "Missing required parameter: 'model' or 'messages'.")
        if "stream_options" in body and not body.get("stream"):
            return Refusal(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
        return None

    def _wrong_shape(self, body: Mapping[str, Any]) -> Refusal | None:
        form = body.get("response_format") or {"type": "text"}
        if form["type"] not in self.dialect.shapes:
            return Refusal(400, "This response_format type is unavailable now")
        if form["type"] == "json_object" and self.dialect.asks_for_json and "json" not in str(body["messages"]).lower():
            return Refusal(400, "'messages' must contain the word 'json' in some form.")
        if form["type"] == "json_schema":
            asked = form["json_schema"]
            where = objection(asked["schema"]) if asked.get("strict") else None
            if where is not None or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", asked["name"]):
                return Refusal(400, f"Invalid schema for response_format {asked['name']!r}: {where}")
        return None

    def _wrong_thoughts(self, messages: list[Mapping[str, Any]]) -> Refusal | None:
        for each in messages:
            if self.dialect.thinks and each.get("tool_calls") and each.get("reasoning_content") != THOUGHT:
                return Refusal(400, "Missing `reasoning_content` field in the assistant message")
        return None

    def heard(self, received: Received) -> Heard:
        body = received.json
        form = (body.get("response_format") or {}).get("type")
        names = {"max_completion_tokens": "max_tokens", "random_seed": "seed"}
        kept = (
            "temperature",
            "top_p",
            "max_tokens",
            "max_completion_tokens",
            "stop",
            "seed",
            "random_seed",
            "tool_choice",
        )
        return Heard(
            body["model"],
            tuple((each["role"], text_of(each.get("content"))) for each in body["messages"] if each["role"] != "tool"),
            bool(body.get("stream")),
            {names.get(name, name): body[name] for name in kept if name in body},
            tuple(each["function"]["name"] for each in body.get("tools", ())),
            tuple((each["tool_call_id"], each["content"]) for each in body["messages"] if each["role"] == "tool"),
            {"json_object": "json", "json_schema": "schema"}.get(form, "text"),  # type: ignore[arg-type]
        )


def arguments(call: Any) -> str:
    """A call's arguments as these hosts write them."""
    return json.dumps(call.arguments)


def text_of(content: Any) -> str:
    """The text of a message's content."""
    return content if isinstance(content, str) else "".join(each.get("text", "") for each in content or ())


def wrong_tools(body: Mapping[str, Any], dialect: Dialect) -> Refusal | None:
    """Tools that these hosts do not take."""
    names = []
    for each in body.get("tools", ()):
        function = each.get("function") or {}
        names.append(function.get("name"))
        if each.get("type") != "function" or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", function.get("name") or ""):
            return Refusal(400, "Invalid 'tools': each needs a type and a function with a name.")
        if function.get("parameters", {}).get("type") != "object":
            return Refusal(400, f"Invalid schema for function {function['name']!r}: its type has to be 'object'.")
    choice = body.get("tool_choice")
    if choice is None:
        return None
    if not names:
        return Refusal(400, "'tool_choice' is only allowed when 'tools' are specified.")
    named = choice["function"]["name"] if isinstance(choice, Mapping) else None
    if (named not in names) if named else (choice not in dialect.choices):
        return Refusal(dialect.status, f"Invalid 'tool_choice': {choice}")
    return None


def wrong_order(messages: list[Mapping[str, Any]]) -> Refusal | None:
    """Results of tools that do not follow the calls that asked for them, one for each."""
    waiting: set[str] = set()
    for each in messages:
        if each["role"] == "tool":
            if each.get("tool_call_id") not in waiting:
                return Refusal(400, "A message with role 'tool' must follow a message with its 'tool_calls'.")
            waiting.remove(each["tool_call_id"])
            continue
        if waiting:
            return Refusal(400, "An assistant message with 'tool_calls' must be followed by one tool message for each.")
        waiting = {call["id"] for call in each.get("tool_calls", ())}
        if each.get("content") is None and not waiting:
            return Refusal(400, "Invalid value for 'content': expected a string, got null.")
    return Refusal(400, "Tool messages are missing.") if waiting else None
