"""Messages of the GenAI conventions in the plainer form that older tools read: a role, a text, calls of tools."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from llmtrace import semconv
from llmtrace.jsontext import as_json

MOST: Final = 200  # messages of one span that are written out; of more than these the latest


def given_messages(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was sent to the model: system instructions first, each message with `role` and what it has of `content`,
    `tool_calls` and `tool_call_id`.
    """
    system = structure(attributes.get(semconv.SYSTEM_INSTRUCTIONS))
    first = [{"role": "system", "parts": system}] if system else []
    return _written([*first, *structure(attributes.get(semconv.INPUT_MESSAGES))])


def answered_messages(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the model answered, one message for each choice."""
    return _written(structure(attributes.get(semconv.OUTPUT_MESSAGES)))


def structure(value: Any) -> list[Any]:
    """The list that an attribute holds, also as JSON, in which other instrumentations write it; else an empty one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return list(value) if isinstance(value, (list, tuple)) else []


def _written(messages: Sequence[Any]) -> list[dict[str, Any]]:
    written = [each for message in messages if isinstance(message, Mapping) for each in _plain(message)]
    return written[-MOST:]


def _plain(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """`message`, and each result of a tool in it as a message of its own."""
    role = str(message.get("role", "user"))
    parts = [part for part in structure(message.get("parts")) if isinstance(part, Mapping)]
    texts = [str(part["content"]) for part in parts if part.get("type") == "text" and "content" in part]
    calls = [_call(part) for part in parts if part.get("type") == "tool_call"]
    results = [part for part in parts if part.get("type") == "tool_call_response"]
    plain: dict[str, Any] = {"role": role}
    if texts:
        plain["content"] = "\n".join(texts)
    if calls:
        plain["tool_calls"] = calls
    if texts or calls or not results:
        yield plain
    for part in results:
        yield _result(part)


def _call(part: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": str(part.get("name", "")), "arguments": _text(part.get("arguments"))}
    return {"id": str(part.get("id", "")), "type": "function", "function": function}


def _result(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": str(part.get("id", "")), "content": _text(part.get("response"))}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value)
