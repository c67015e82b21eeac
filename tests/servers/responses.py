"""OpenAI's Responses API, from the host's side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.servers.chat import text_of
from tests.servers.http import Received, Script
from tests.servers.strict import objection
from tests.servers.wire import (
    CACHED,
    INPUT,
    KEY,
    OUTPUT,
    REASONING,
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
    "model input instructions temperature top_p max_output_tokens tools tool_choice parallel_tool_calls text reasoning "
    "stream stream_options store metadata previous_response_id include truncation user service_tier background "
    "prompt_cache_key safety_identifier conversation prompt top_logprobs max_tool_calls".split()
)
REASONS: Final[Mapping[Finish, str]] = {"length": "max_output_tokens", "filter": "content_filter"}
EMPTY: Final[Mapping[str, Mapping[str, Any]]] = {
    "reasoning": {"summary": []},
    "message": {"content": []},
    "function_call": {"arguments": ""},
}


class Responses(Wire):
    """The endpoint."""

    model = "gpt-5-mini-2025-08-07"
    id = "resp_1"
    words: Mapping[Finish, str] = {"end": "completed", "tools": "completed", **REASONS}

    def body(self, said: Said) -> dict[str, Any]:
        output: list[dict[str, Any]] = []
        if said.calls:
            output.append({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": THOUGHT}]})
        if said.text is not None:
            content = [{"type": "output_text", "text": said.text, "annotations": []}]
            message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant"}
            output.append({**message, "content": content})
        for each in said.calls:
            call = {"type": "function_call", "id": f"fc_{each.id}", "call_id": each.id, "status": "completed"}
            output.append({**call, "name": each.name, "arguments": json.dumps(each.arguments)})
        usage = {
            "input_tokens": INPUT,
            "input_tokens_details": {"cached_tokens": CACHED},
            "output_tokens": OUTPUT,
            "output_tokens_details": {"reasoning_tokens": REASONING},
            "total_tokens": INPUT + OUTPUT,
        }
        reason = REASONS.get(said.finish)
        return {
            **self._head("incomplete" if reason else "completed"),
            "incomplete_details": {"reason": reason} if reason else None,
            "output": output,
            "usage": usage if said.counted else None,
        }

    def _head(self, status: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "response",
            "created_at": 1741569952,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": [],
            "service_tier": "default",
            "usage": None,
        }

    def empty(self) -> dict[str, Any]:
        return {**self.body(Said()), "output": []}

    def events(self, said: Said) -> list[bytes]:
        numbered = enumerate(self._events(said))
        return [event({**each, "sequence_number": number}, each["type"]) for number, each in numbered]

    def _events(self, said: Said) -> Iterator[dict[str, Any]]:
        whole = self.body(said)
        yield {"type": "response.created", "response": self._head("in_progress")}
        yield {"type": "response.in_progress", "response": self._head("in_progress")}
        for index, item in enumerate(whole["output"]):
            at = {"output_index": index, "item_id": item["id"]}
            yield {
                "type": "response.output_item.added",
                "output_index": index,
                "item": {**item, **EMPTY[item["type"]], "status": "in_progress"},
            }
            if item["type"] == "reasoning":
                for piece in halves(THOUGHT):
                    yield {"type": "response.reasoning_summary_text.delta", **at, "summary_index": 0, "delta": piece}
            elif item["type"] == "message":
                for word in said.words:
                    yield {"type": "response.output_text.delta", **at, "content_index": 0, "delta": word}
                yield {"type": "response.output_text.done", **at, "content_index": 0, "text": said.text}
            else:
                for piece in halves(item["arguments"]):
                    yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
            yield {"type": "response.output_item.done", "output_index": index, "item": item}
        kind = "incomplete" if whole["incomplete_details"] else "completed"
        yield {"type": f"response.{kind}", "response": whole}

    def failing(self, message: str) -> bytes:
        return event({"type": "error", "code": "server_error", "message": message, "param": None}, "error")

    def error(self, status: int, message: str, **headers: str) -> Script:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
        return answer(body, status, {"x-request-id": "req_1", **sent})

    def wrong(self, received: Received) -> Refusal | None:
        if received.headers.get("authorization") != f"Bearer {KEY}":
            return Refusal(401, "Incorrect API key provided.")
        if received.path != "/v1/responses":
            return Refusal(404, f"Not found: {received.path}")
        body = received.json
        extra = sorted(body.keys() - FIELDS)
        if extra:
            return Refusal(400, f"Unknown parameter: '{extra[0]}'.")
        return first((lambda: wrong_input(body), lambda: wrong_tools(body), lambda: wrong_text(body)))

    def heard(self, received: Received) -> Heard:
        body = received.json
        items = [{"role": "user", "content": body["input"]}] if isinstance(body["input"], str) else body["input"]
        kept = {"temperature": "temperature", "top_p": "top_p", "max_output_tokens": "max_tokens"}
        settings = {name: body[key] for key, name in kept.items() if key in body}
        form = (body.get("text") or {}).get("format", {}).get("type")
        return Heard(
            body["model"],
            tuple((each["role"], text_of(each["content"])) for each in items if "role" in each),
            bool(body.get("stream")),
            settings | ({"tool_choice": body["tool_choice"]} if "tool_choice" in body else {}),
            tuple(each["name"] for each in body.get("tools", ())),
            tuple((each["call_id"], each["output"]) for each in items if each.get("type") == "function_call_output"),
            {"json_object": "json", "json_schema": "schema"}.get(form, "text"),  # type: ignore[arg-type]
        )


def wrong_input(body: Mapping[str, Any]) -> Refusal | None:
    """Items that the endpoint does not take."""
    called: set[str] = set()
    thought = False
    for each in body["input"]:
        if each.get("type") == "reasoning":
            thought = True
        elif each.get("type") == "function_call":
            if not thought:
                return Refusal(400, "Item of type 'function_call' was provided without its required 'reasoning' item.")
            called.add(each["call_id"])
        elif each.get("type") == "function_call_output":
            if each["call_id"] not in called:
                return Refusal(400, f"No tool call found for function call output with call_id {each['call_id']}.")
        elif not isinstance(each.get("content"), str):
            wanted = "output_text" if each["role"] == "assistant" else "input_"
            if not all(part["type"].startswith(wanted) for part in each["content"]):
                return Refusal(400, f"Invalid value: supported values for role {each['role']!r} begin with {wanted!r}.")
    return None


def wrong_tools(body: Mapping[str, Any]) -> Refusal | None:
    """Tools that the endpoint does not take: they are flat there, and strict unless they say otherwise."""
    for each in body.get("tools", ()):
        if each.get("type") != "function" or not each.get("name"):
            return Refusal(400, "Missing required parameter: 'tools[0].name'.")
        where = objection(each.get("parameters")) if each.get("strict", True) else None
        if where is not None:
            return Refusal(400, f"Invalid schema for function {each['name']!r}: {where}")
    return None


def wrong_text(body: Mapping[str, Any]) -> Refusal | None:
    """Forms of the answer that the endpoint does not take."""
    form = (body.get("text") or {}).get("format") or {"type": "text"}
    if form["type"] == "json_object" and "json" not in str(body["input"]).lower():
        return Refusal(400, "Response input messages must contain the word 'json' in some form.")
    if form["type"] == "json_schema":
        where = objection(form["schema"]) if form.get("strict") else None
        if where is not None or not form.get("name"):
            return Refusal(400, f"Invalid schema for response_format: {where}")
    return None
