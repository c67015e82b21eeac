"""Cohere's v2 chat, from the host's side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from llmtrace.types import Usage
from tests.servers.chat import Dialect, text_of, wrong_order, wrong_tools
from tests.servers.http import Received, Script
from tests.servers.wire import (
    CACHED,
    INPUT,
    KEY,
    OUTPUT,
    Called,
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
    "model messages tools strict_tools documents citation_options response_format safety_mode max_tokens "
    "stop_sequences temperature seed frequency_penalty presence_penalty k p logprobs tool_choice thinking priority "
    "stream".split()
)
TOOLS: Final = Dialect(choices=frozenset({"REQUIRED", "NONE"}))


class ChatV2(Wire):
    """The endpoint."""

    model = None
    id = "83e3e297-264b-478e-9b22-5058386292ed"
    ended: ClassVar[bytes] = b"data: [DONE]\n\n"
    usage: Usage = Usage(INPUT, OUTPUT, CACHED)
    failures: frozenset[str] = frozenset({"ERROR"})
    words: Mapping[Finish, str] = {
        "end": "COMPLETE",
        "tools": "TOOL_CALL",
        "length": "MAX_TOKENS",
        "filter": "ERROR",
    }

    def _tokens(self) -> dict[str, Any]:
        billed = {"input_tokens": float(INPUT), "output_tokens": float(OUTPUT)}
        return {"billed_units": billed, "tokens": {"input_tokens": 80.0, "output_tokens": 9.0}, "cached_tokens": CACHED}

    def body(self, said: Said) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant"}
        if said.text is not None:
            message["content"] = [{"type": "text", "text": said.text}]
        if said.calls:
            message |= {"tool_plan": "I will look.", "tool_calls": [call(each) for each in said.calls]}
        usage = {"usage": self._tokens()} if said.counted else {}
        return {"id": self.id, "finish_reason": self.words[said.finish], "message": message, **usage}

    def empty(self) -> dict[str, Any]:
        return {**self.body(Said()), "message": {"role": "assistant", "content": []}}

    def events(self, said: Said) -> list[bytes]:
        return [event(each, each["type"]) for each in self._events(said)]

    def _events(self, said: Said) -> Iterator[dict[str, Any]]:
        start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        yield {"id": self.id, "type": "message-start", "delta": {"message": start}}
        if said.text is not None:
            yield {"type": "content-start", "index": 0, "delta": content(type="text", text="")}
            for word in said.words:
                yield {"type": "content-delta", "index": 0, "delta": content(text=word)}
            yield {"type": "content-end", "index": 0}
        if said.calls:
            yield {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will look."}}}
        for index, each in enumerate(said.calls):
            begun = {**call(each), "function": {"name": each.name, "arguments": ""}}
            yield {"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": begun}}}
            for piece in halves(json.dumps(each.arguments)):
                more = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
                yield {"type": "tool-call-delta", "index": index, "delta": more}
            yield {"type": "tool-call-end", "index": index}
        usage = {"usage": self._tokens()} if said.counted else {}
        yield {"type": "message-end", "delta": {"finish_reason": self.words[said.finish], **usage}}

    def failing(self, message: str) -> bytes:
        return event({"type": "error", "message": message}, "error")

    def error(self, status: int, message: str, **headers: str) -> Script:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return answer({"id": "err-1", "message": message}, status, sent)

    def wrong(self, received: Received) -> Refusal | None:
        if received.headers.get("authorization") != f"Bearer {KEY}":
            return Refusal(401, "invalid api token")
        if received.path != "/v2/chat":
            return Refusal(404, f"Not found: {received.path}")
        body = received.json
        extra = sorted(body.keys() - FIELDS)
        if extra:
            return Refusal(422, f"unknown field: parameter '{extra[0]}' is not a valid field")
        return first(
            (
                lambda: wrong_tools(body, TOOLS),
                lambda: wrong_order(with_plans(body["messages"])),
                lambda: wrong_format(body),
            )
        )

    def heard(self, received: Received) -> Heard:
        body = received.json
        kept = {"temperature": "temperature", "p": "top_p", "max_tokens": "max_tokens", "stop_sequences": "stop"}
        settings = {name: body[key] for key, name in {**kept, "seed": "seed"}.items() if key in body}
        form = body.get("response_format")
        return Heard(
            body["model"],
            tuple((each["role"], text_of(each.get("content"))) for each in body["messages"] if each["role"] != "tool"),
            body["stream"],
            settings,
            tuple(each["function"]["name"] for each in body.get("tools", ())),
            tuple((each["tool_call_id"], each["content"]) for each in body["messages"] if each["role"] == "tool"),
            "text" if form is None else "schema" if "schema" in form else "json",
        )


def call(each: Called) -> dict[str, Any]:
    """A call of a tool."""
    function = {"name": each.name, "arguments": json.dumps(each.arguments)}
    return {"id": each.id, "type": "function", "function": function}


def content(**block: str) -> dict[str, Any]:
    """A piece of a text."""
    return {"message": {"content": block}}


def with_plans(messages: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages with a plan for a text, where there is one."""
    return [{**each, "content": each.get("content", each.get("tool_plan"))} for each in messages]


def wrong_format(body: Mapping[str, Any]) -> Refusal | None:
    """Forms of the answer that the endpoint does not take."""
    form = body.get("response_format")
    if form is None:
        return None
    if form["type"] != "json_object":
        return Refusal(422, f"invalid response_format type: {form['type']}")
    if body.get("tools") or body.get("documents"):
        return Refusal(400, "response_format is not supported with tools or documents")
    schema = form.get("schema")
    if schema is not None and (schema.get("type") != "object" or not schema.get("required")):
        return Refusal(400, "invalid 'schema': its type has to be 'object', with a required field at least")
    return None
