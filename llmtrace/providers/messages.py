"""Messages and tools in OpenAI's dict form, read as ours: what protocols that are not OpenAI's start from."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

from llmtrace.exceptions import PromptError
from llmtrace.providers.base import AnyMessage
from llmtrace.providers.media import DATA_URL
from llmtrace.providers.openai_chat_reading import call_of
from llmtrace.providers.reading import objects, text_or_none
from llmtrace.types import Message, Part

JSON_REQUEST: Final = "Answer with a JSON object and nothing else."
"""The system text that asks for JSON where a protocol has no switch for it."""


def as_message(given: AnyMessage) -> Message:
    """The message, whichever form it was given in.

    Raises:
        PromptError: it is of none.
    """
    if isinstance(given, Message):
        return given
    content = given.get("content")
    calls = tuple(call_of(each) for each in objects(given.get("tool_calls")))
    role: Any = given.get("role") or "user"
    return Message(role, content_of(content), calls, text_or_none(given.get("tool_call_id")), given.get("name"))


def content_of(content: Any) -> str | Sequence[Part | str]:
    """A content in OpenAI's form: a text, or parts.

    Raises:
        PromptError: it is neither.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, (list, tuple)):
        raise PromptError(f"A message has {type(content).__name__} as its content: use a text or parts.")
    return tuple(part_of(each) for each in content)


def part_of(given: Any) -> Part | str:
    """One part in OpenAI's form."""
    if isinstance(given, (str, Part)):
        return given
    if not isinstance(given, Mapping):
        raise PromptError(f"A message has a part that is {type(given).__name__}: use Part, a text or a dict.")
    try:
        return _read_part(given)
    except (KeyError, ValueError, TypeError) as error:
        raise PromptError(f"A message has a part of the type {given.get('type')!r} that can't be read.") from error


def _read_part(given: Mapping[str, Any]) -> Part | str:
    kind = given.get("type")
    inner = given.get(str(kind))
    if kind == "image_url":
        return _from_url("image", inner["url"] if isinstance(inner, Mapping) else str(inner))
    if kind == "input_audio" and isinstance(inner, Mapping):
        return Part("audio", data=base64.b64decode(inner["data"]), mime_type=f"audio/{inner.get('format', 'wav')}")
    if kind == "file" and isinstance(inner, Mapping):
        if inner.get("file_id"):
            return Part("document", file_id=inner["file_id"])
        return _from_url("document", str(inner.get("file_data") or ""))
    return str(given.get("text") or given.get("refusal") or "")


def _from_url(kind: Any, url: str) -> Part:
    """Media from a URL; a ``data:`` URL is taken apart, since other protocols want its bytes."""
    match = DATA_URL.match(url)
    if match is None:
        return Part(kind, uri=url)
    try:
        return Part(kind, data=base64.b64decode(url[match.end() :]), mime_type=match[1])
    except (binascii.Error, ValueError):
        return Part(kind, uri=url)


def parts(message: Message) -> Sequence[Part | str]:
    """The content of a message as parts; a text that is empty is none."""
    if isinstance(message.content, str):
        return (message.content,) if message.content else ()
    return message.content


def function_of(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """The function that a tool's definition in OpenAI's form has inside; any other is the function itself."""
    inner = tool.get("function")
    return inner if isinstance(inner, Mapping) else tool
