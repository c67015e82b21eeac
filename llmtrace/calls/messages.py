"""Messages from whatever people write them as: a text, parts, `Message`s, dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmtrace.exceptions import PromptError
from llmtrace.providers.base import AnyMessage
from llmtrace.types import Message, Part


def messages_of(given: Any, where: str) -> Sequence[AnyMessage]:
    """Messages from a text, a message, parts, or a list of messages or dicts.

    Raises:
        PromptError: `given` is none of these; `where` names who gave it.
    """
    if isinstance(given, str):
        return (Message("user", given),)
    if isinstance(given, Message):
        return (given,)
    if isinstance(given, Part):
        return (Message("user", (given,)),)
    if isinstance(given, (list, tuple)) and given:
        if all(isinstance(each, (str, Part)) for each in given):
            return (Message("user", tuple(given)),)
        return [_message(each, where, index) for index, each in enumerate(given)]
    if isinstance(given, (list, tuple)):
        raise PromptError(f"{where} gave an empty list of messages: a call needs at least one.")
    raise PromptError(
        f"{where} gave {type(given).__name__}, which is no prompt. A prompt is a text, a Message, a list of parts, "
        "or a list of Messages or dicts with role and content."
    )


def _message(given: Any, where: str, index: int) -> AnyMessage:
    if isinstance(given, Message):
        return given
    if isinstance(given, Mapping):
        if "role" not in given:
            raise PromptError(f'{where} gave a message without "role" at index {index}.')
        copied = snapshot_message(given)
        assert isinstance(copied, dict)
        return copied
    message = getattr(given, "message", None)  # a Reply, put back into the conversation
    if isinstance(message, Message):
        return message
    raise PromptError(f"{where} gave {type(given).__name__} as a message at index {index}: use Message or a dict.")


def snapshot_message(value: Any) -> Any:
    """A copy of a dict message: the span's content is made of it later, when its owner may have changed it."""
    if isinstance(value, Mapping):
        return {key: snapshot_message(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [snapshot_message(item) for item in value]
    return value
