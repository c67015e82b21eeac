"""Anthropic's Messages API, from the host's side."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from llmtrace.providers.messages import JSON_REQUEST
from llmtrace.types import Usage
from tests.servers.http import Received, Script
from tests.servers.wire import (
    CACHED,
    INPUT,
    KEY,
    OUTPUT,
    THOUGHT,
    Finish,
    Heard,
    Refusal,
    Said,
    Wire,
    answer,
    event,
    first,
    halves,
)

FIELDS: Final = frozenset(
    "model messages system max_tokens temperature top_p top_k stop_sequences stream tools tool_choice metadata "
    "thinking service_tier container mcp_servers context_management output_config cache_control inference_geo "
    "speed".split()
)
SIGNATURE: Final = "c2lnbmVk"
EMPTY: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}


class Messages(Wire):
    """The endpoint."""

    model = "claude-sonnet-4-6"
    id = "msg_1"
    usage: Usage = Usage(INPUT, OUTPUT, CACHED, 0)
    early: Usage = Usage(INPUT, 1, CACHED, 0)
    words: Mapping[Finish, str] = {
        "end": "end_turn",
        "tools": "tool_use",
        "length": "max_tokens",
        "filter": "refusal",
    }

    def _tokens(self, output: int) -> dict[str, Any]:
        beside = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": CACHED}
        return {"input_tokens": INPUT - CACHED, **beside, "output_tokens": output, "service_tier": "standard"}

    def _message(self, content: list[Any], reason: str | None, usage: Any) -> dict[str, Any]:
        head = {"id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": content}
        counted = {} if usage is None else {"usage": usage}
        return {**head, "stop_reason": reason, "stop_sequence": None, **counted}

    def body(self, said: Said) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if said.calls:
            content.append({"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE})
        if said.text is not None:
            content.append({"type": "text", "text": said.text})
        content += [
            {"type": "tool_use", "id": each.id, "name": each.name, "input": dict(each.arguments)} for each in said.calls
        ]
        return self._message(content, self.words[said.finish], self._tokens(OUTPUT) if said.counted else None)

    def empty(self) -> dict[str, Any]:
        return self._message([], "end_turn", self._tokens(OUTPUT))

    def events(self, said: Said) -> list[bytes]:
        return [event(each, each["type"]) for each in self._events(said)]

    def _events(self, said: Said) -> Iterator[dict[str, Any]]:
        yield {"type": "message_start", "message": self._message([], None, self._tokens(1) if said.counted else None)}
        blocks = self.body(said)["content"]
        for index, block in enumerate(blocks):
            empty = EMPTY[block["type"]]
            yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty}}
            yield {"type": "ping"}
            for delta in deltas(block, said):
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        delta = {"stop_reason": self.words[said.finish], "stop_sequence": None}
        usage = {"usage": {"output_tokens": OUTPUT}} if said.counted else {}
        yield {"type": "message_delta", "delta": delta, **usage}
        yield {"type": "message_stop"}

    def failing(self, message: str) -> bytes:
        return event({"type": "error", "error": {"type": "overloaded_error", "message": message}}, "error")

    def garbled(self) -> bytes:
        return b"event: content_block_delta\ndata: {not json\n\n"

    def error(self, status: int, message: str, **headers: str) -> Script:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"type": "error", "error": {"type": "invalid_request_error", "message": message}, "request_id": "req_1"}
        return answer(body, status, {"request-id": "req_1", **sent})

    def wrong(self, received: Received) -> Refusal | None:
        headers = received.headers
        if headers.get("x-api-key") != KEY and headers.get("authorization") != f"Bearer {KEY}":
            return Refusal(401, "invalid x-api-key")
        if "anthropic-version" not in headers:
            return Refusal(400, "anthropic-version: header is required")
        if received.path != "/v1/messages":
            return Refusal(404, f"Not found: {received.path}")
        body = received.json
        extra = sorted(body.keys() - FIELDS)
        missing = [name for name in ("model", "max_tokens", "messages") if not body.get(name)]
        if extra or missing:
            return Refusal(400, f"{(extra + missing)[0]}: Extra inputs are not permitted, and none may be missing")
        return first((lambda: wrong_turns(body["messages"]), lambda: wrong_tools(body)))

    def heard(self, received: Received) -> Heard:
        body = received.json
        system = body.get("system") or []
        texts = [system] if isinstance(system, str) else [each["text"] for each in system]
        asked = [text for each in texts for text in each.split("\n\n")]
        turns = [("system", text) for text in asked if text != JSON_REQUEST]
        turns += [(each["role"], said_in(each)) for each in body["messages"] if said_in(each) or not results(each)]
        kept = {"temperature": "temperature", "top_p": "top_p", "max_tokens": "max_tokens", "stop_sequences": "stop"}
        choice = body.get("tool_choice") or {}
        forced = choice.get("name") if choice.get("type") == "tool" else None
        return Heard(
            body["model"],
            tuple(turns),
            bool(body.get("stream")),
            {name: body[key] for key, name in kept.items() if key in body},
            tuple(each["name"] for each in body.get("tools", ()) if each["name"] != forced),
            tuple(each for message in body["messages"] for each in results(message)),
            "schema" if forced else "json" if JSON_REQUEST in asked else "text",
        )


def deltas(block: Mapping[str, Any], said: Said) -> Iterator[dict[str, Any]]:
    """The pieces of a content block."""
    if block["type"] == "thinking":
        yield from ({"type": "thinking_delta", "thinking": piece} for piece in halves(block["thinking"]))
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif block["type"] == "text":
        yield from ({"type": "text_delta", "text": word} for word in said.words)
    else:
        yield {"type": "input_json_delta", "partial_json": ""}
        pieces = halves(json.dumps(block["input"]))
        yield from ({"type": "input_json_delta", "partial_json": piece} for piece in pieces)


def blocks_of(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The blocks of a message's content."""
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def said_in(message: Mapping[str, Any]) -> str:
    """The text of a message."""
    return "".join(each["text"] for each in blocks_of(message) if each["type"] == "text")


def results(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The results of tools that a message brings."""
    found = [each for each in blocks_of(message) if each["type"] == "tool_result"]
    return [(each["tool_use_id"], each["content"]) for each in found]


def wrong_turns(messages: list[Mapping[str, Any]]) -> Refusal | None:
    """Messages that the endpoint does not take: texts that are empty, results that are missing or not asked for."""
    waiting: set[str] = set()
    for number, each in enumerate(messages):
        blocks = blocks_of(each)
        if each["role"] not in ("user", "assistant"):
            return Refusal(400, f"messages.{number}.role: Input should be 'user' or 'assistant'")
        if not blocks or any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            return Refusal(400, f"messages.{number}: text content blocks must contain non-whitespace text")
        given = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if given != waiting:
            return Refusal(400, f"messages.{number}: `tool_use` ids were found without `tool_result` blocks after them")
        waiting = {block["id"] for block in blocks if block["type"] == "tool_use"}
        thought = {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
        if waiting and blocks[0] != thought:
            return Refusal(400, f"messages.{number}: Expected `thinking`, but found `{blocks[0]['type']}`")
    return Refusal(400, "`tool_use` ids were found without `tool_result` blocks after them") if waiting else None


def wrong_tools(body: Mapping[str, Any]) -> Refusal | None:
    """Tools that the endpoint does not take."""
    names = []
    for each in body.get("tools", ()):
        names.append(each.get("name"))
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", each.get("name") or ""):
            return Refusal(400, "tools.0.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'")
        if each.get("input_schema", {}).get("type") != "object":
            return Refusal(400, "tools.0.input_schema.type: Field required")
    choice = body.get("tool_choice")
    if choice is not None and not (
        choice.get("type") in ("auto", "any", "none") or (choice.get("type") == "tool" and choice.get("name") in names)
    ):
        return Refusal(400, f"tool_choice: {choice}")
    uses = any(block["type"] == "tool_use" for message in body["messages"] for block in blocks_of(message))
    if (choice is not None or uses) and not names:
        return Refusal(400, "Requests which include `tool_use` or `tool_choice` must define tools")
    return None
