"""Values of an answer whose form nobody vouches for, as all protocols read them: what is none is absent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from llmtrace.types import ToolCall

OBJECT: Final = (dict, Mapping)  # the first is the quicker to ask for


def part_of(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of that name, empty when there is none."""
    found = data.get(name)
    return found if isinstance(found, OBJECT) else {}


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; what is no list has none."""
    return [each for each in value if isinstance(each, OBJECT)] if isinstance(value, (list, tuple)) else []


def text_or_none(value: Any) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None


def texts(values: Iterable[Any]) -> str:
    """The texts among these, together."""
    return "".join(value for value in values if isinstance(value, str))


def words(value: Any) -> list[str]:
    """The texts of a list, as an attribute of a span has them."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, (list, tuple)) else []


def count(value: Any) -> int | None:
    """A number of tokens, None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def place(data: Mapping[str, Any], name: str = "index") -> int:
    """The number that says which choice, block or call a piece belongs to."""
    found = data.get(name)
    return found if type(found) is int else 0


def parsed_call(id: Any, name: Any, arguments: Any) -> ToolCall:
    """A tool call with its arguments decoded; what is no JSON object is kept as the text that it was."""
    id, name = text_or_none(id), text_or_none(name) or ""
    if isinstance(arguments, Mapping):
        return ToolCall(id, name, dict(arguments))
    decoded = object_or_text(arguments or "{}")
    if isinstance(decoded, dict):
        return ToolCall(id, name, decoded, text_or_none(arguments))
    return ToolCall(id, name, {}, str(arguments))


def object_or_text(text: Any) -> Any:
    """The JSON object that a text holds, or the text: a model may have been cut off in the middle of it."""
    try:
        decoded = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return text
    return decoded if isinstance(decoded, dict) else text
