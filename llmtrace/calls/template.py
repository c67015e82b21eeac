"""String templates of prompts: compiled once, filled without ever reading an argument's text as a template."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any, Final, Literal

from llmtrace.calls.messages import messages_of
from llmtrace.exceptions import PromptError
from llmtrace.providers.base import AnyMessage
from llmtrace.types import Message, Part

ROLE: Final = re.compile(r"^(SYSTEM|USER|ASSISTANT|MESSAGES):[ \t]*", re.MULTILINE)

_formatter = Formatter()


@dataclass(frozen=True, slots=True)
class Field:
    """A place in a template: what to look up, and how to write it."""

    path: str
    conversion: str | None
    spec: str

    @property
    def name(self) -> str:
        """The argument that the place begins with."""
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class Block:
    """The text between two roles, as literal texts and fields."""

    role: Literal["system", "user", "assistant", "messages"]
    pieces: tuple[str | Field, ...]


class Template:
    """A prompt's text, compiled.

    Raises:
        PromptError: the text is no template.
    """

    def __init__(self, text: str, name: str | None, version: str) -> None:
        self.text = inspect.cleandoc(text)
        self.name = name
        self.version = version
        self._blocks = tuple(_blocks(self.text))
        if not self._blocks:
            raise PromptError("A prompt template has no text.")

    def messages(self, values: Mapping[str, Any], where: str) -> Sequence[AnyMessage]:
        """The messages with `values` in their places.

        Raises:
            PromptError: a place names what is not among the values.
        """
        messages: list[AnyMessage] = []
        for block in self._blocks:
            if block.role == "messages":
                messages.extend(_history(block, values, where))
                continue
            parts = _merged(_filled(block.pieces, values, where))
            if all(isinstance(part, str) for part in parts):
                messages.append(Message(block.role, "".join(map(str, parts))))
            else:
                messages.append(Message(block.role, tuple(parts)))
        if not messages:
            raise PromptError(f"The template of {where} gives no message: it is all MESSAGES, and there are none.")
        return messages


def _blocks(text: str) -> Iterable[Block]:
    heads = list(ROLE.finditer(text))
    before = text[: heads[0].start()].strip() if heads else text
    if before.strip():
        yield Block("user", _pieces(before))
    ends = [head.start() for head in heads[1:]]
    for head, end in zip(heads, [*ends, len(text)], strict=False):
        role: Any = head[1].lower()
        pieces = _pieces(inspect.cleandoc(text[head.end() : end]).strip())
        if role == "messages" and not (len(pieces) == 1 and isinstance(pieces[0], Field)):
            raise PromptError(
                "MESSAGES: in a prompt template takes one place and nothing else, as in MESSAGES: {history}."
            )
        yield Block(role, pieces)


def _pieces(text: str) -> tuple[str | Field, ...]:
    pieces: list[str | Field] = []
    try:
        for literal, path, spec, conversion in _formatter.parse(text):
            if literal:
                pieces.append(literal)
            if path is not None:
                if not path or path[0].isdigit():
                    raise PromptError(f"A place in a prompt template needs a name: {{{path}}}.")
                pieces.append(Field(path, conversion, spec or ""))
    except ValueError as error:
        raise PromptError(f"A prompt template can't be read: {error}. Write {{{{ and }}}} for braces.") from None
    return tuple(pieces)


def _history(block: Block, values: Mapping[str, Any], where: str) -> Iterable[AnyMessage]:
    (place,) = block.pieces
    assert isinstance(place, Field)
    history = _value(place, values, where)
    return messages_of(history, f"MESSAGES of {where}") if history else ()


def _filled(pieces: Iterable[str | Field], values: Mapping[str, Any], where: str) -> Iterable[str | Part]:
    for piece in pieces:
        if isinstance(piece, str):
            yield piece
            continue
        yield from _written(piece, _value(piece, values, where), where)


def _written(place: Field, value: Any, where: str) -> Iterable[str | Part]:
    if not place.spec:
        return (format(_formatter.convert_field(value, place.conversion)),)
    write = WRITERS.get(place.spec)
    try:
        if write is not None:
            return write(value)
        return (format(_formatter.convert_field(value, place.conversion), place.spec),)
    except (TypeError, ValueError) as error:
        shown = f"{{{place.path}:{place.spec}}}"
        raise PromptError(
            f"The template of {where} can't write {shown}: what is there is of type {type(value).__name__} ({error})."
        ) from error


def _value(place: Field, values: Mapping[str, Any], where: str) -> Any:
    if place.name not in values:
        close = difflib.get_close_matches(place.name, values, 1)
        hint = f"Did you mean {{{close[0]}}}?" if close else f"There is {', '.join(values) or 'none'}."
        raise PromptError(f"The template of {where} names {{{place.name}}}, which is no argument of it. {hint}")
    try:
        return _formatter.get_field(place.path, (), values)[0]
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise PromptError(f"The template of {where} names {{{place.path}}}, which is not there: {error}.") from error


def _media(kind: Callable[..., Part]) -> Callable[[Any], Iterable[Part]]:
    return lambda value: (_as_part(kind, value),)


def _many(kind: Callable[..., Part]) -> Callable[[Any], Iterable[Part]]:
    return lambda value: tuple(_as_part(kind, item) for item in value)


def _as_part(kind: Callable[..., Part], value: Any) -> Part:
    if isinstance(value, Part):
        return value
    return kind(value, guessed_type(value)) if isinstance(value, bytes) else kind(value)


SIGNATURES: Final = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF", "application/pdf"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
)


def guessed_type(data: bytes) -> str | None:
    """The MIME type that the first bytes tell, None when they don't."""
    if data[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(data[8:12])
    return next((mime for signature, mime in SIGNATURES if data.startswith(signature)), None)


def _lines(value: Iterable[Any]) -> Iterable[str]:
    return ("\n".join(map(str, value)),)


def _paragraphs(value: Iterable[Iterable[Any]]) -> Iterable[str]:
    return ("\n\n".join("\n".join(map(str, each)) for each in value),)


WRITERS: Final[Mapping[str, Callable[[Any], Iterable[str | Part]]]] = {
    "list": _lines,
    "lists": _paragraphs,
    "image": _media(Part.image),
    "images": _many(Part.image),
    "audio": _media(Part.audio),
    "audios": _many(Part.audio),
    "document": _media(Part.document),
    "documents": _many(Part.document),
}


def _merged(parts: Iterable[str | Part]) -> list[str | Part]:
    """The parts with neighbouring texts joined, and no text that is only space beside media."""
    merged: list[str | Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    if len(merged) > 1:
        merged = [each.strip() if isinstance(each, str) else each for each in merged]
    return [each for each in merged if each != ""] or [""]
