"""Messages from whatever people write them as: a text, parts, `Message`s, dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from llmtrace.exceptions import PromptError
from llmtrace.providers.base import AnyMessage
from llmtrace.types import Message, Part

MAX_DEPTH: Final = 100


def messages_of(given: Any, where: str) -> Sequence[AnyMessage]:
    """Messages from a text, a message, parts, or a list of messages or dicts.

    Raises:
        PromptError: `given` is none of these; `where` names who gave it.
    """
    if isinstance(given, str):
        return (Message("user", given),)
    if isinstance(given, Message):
        return (_message(given, where, 0),)
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
        _check_content(given.content, where, index)
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


def _check_content(content: Any, where: str, index: int) -> None:
    """Dicts are the provider's to judge, whose form they have; what is in a `Message` is ours to send."""
    if isinstance(content, str):
        return
    if not isinstance(content, (list, tuple)):
        found = type(content).__name__
        raise PromptError(f"{where} gave a message with {found} as its content at index {index}: use a text or parts.")
    for part in content:
        if not isinstance(part, (str, Part)):
            found = type(part).__name__
            raise PromptError(
                f"{where} gave a message with a part that is {found} at index {index}: use Part or a text."
            )


def snapshot_message(value: Any, above: tuple[int, ...] = ()) -> Any:
    """A copy of a dict message: the span's content is made of it later, when its owner may have changed it.

    What is nested without end is left as it is, for the provider's SDK to say so.
    """
    if not isinstance(value, (Mapping, list, tuple)) or id(value) in above or len(above) > MAX_DEPTH:
        return value
    inside = (*above, id(value))
    if isinstance(value, Mapping):
        return {key: snapshot_message(item, inside) for key, item in value.items()}
    return [snapshot_message(item, inside) for item in value]
