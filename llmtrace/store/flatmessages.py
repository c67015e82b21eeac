"""Messages that other instrumentations spread over one attribute for each field, put together again.

OpenLLMetry writes ``gen_ai.prompt.0.role``, ``gen_ai.prompt.0.content``, ``gen_ai.completion.0.tool_calls.0.name``;
OpenInference ``llm.input_messages.0.message.role``, ``….message.contents.0.message_content.text``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from llmtrace import semconv

_FIELD: Final = re.compile(
    r"(gen_ai\.(?:prompt|completion)|llm\.(?:input|output)_messages)\.(\d{1,4})\.(?:message\.)?(.+)"
)
_INPUTS: Final = ("gen_ai.prompt", "llm.input_messages")
_TEXT: Final = re.compile(r"contents\.\d+\.message_content\.text")
_TOOL_CALL: Final = re.compile(r"tool_calls\.(\d+)\.(?:tool_call\.)?(?:function\.)?(id|name|arguments)")

Fields = dict[str, Any]


def gathered(content: Mapping[str, Any]) -> dict[str, Any]:
    """`content` with flat messages as lists in the form of the GenAI conventions, where such a list isn't there."""
    inputs: defaultdict[int, Fields] = defaultdict(dict)
    outputs: defaultdict[int, Fields] = defaultdict(dict)
    rest = dict(content)
    for name, value in content.items():
        if found := _FIELD.fullmatch(name):
            prefix, index, path = found.groups()
            (inputs if prefix in _INPUTS else outputs)[int(index)][path] = value
            del rest[name]
    for name, messages in ((semconv.INPUT_MESSAGES, inputs), (semconv.OUTPUT_MESSAGES, outputs)):
        if messages:
            rest.setdefault(name, [_message(messages[index]) for index in sorted(messages)])
    return rest


def _message(fields: Fields) -> dict[str, Any]:
    role = fields.get("role")
    texts = [fields[path] for path in sorted(fields) if path == "content" or _TEXT.fullmatch(path)]
    answered = fields.get("tool_call_id")
    parts: list[dict[str, Any]] = []
    if role == "tool" or answered is not None:
        parts.append({"type": "tool_call_response", "id": answered, "response": texts[0] if texts else None})
    else:
        parts.extend({"type": "text", "content": text} for text in texts if text != "")
    message: dict[str, Any] = {"role": role, "parts": [*parts, *_tool_calls(fields)]}
    if "finish_reason" in fields:
        message["finish_reason"] = fields["finish_reason"]
    return message


def _tool_calls(fields: Fields) -> list[dict[str, Any]]:
    calls: defaultdict[int, dict[str, Any]] = defaultdict(lambda: {"type": "tool_call"})
    for path, value in fields.items():
        if found := _TOOL_CALL.fullmatch(path):
            calls[int(found[1])][found[2]] = value
    return [calls[index] for index in sorted(calls)]
