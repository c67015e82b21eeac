"""One part of a message as something to show: text, reasoning, a tool's call or result, media by type and size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from llmtrace.dashboard.figures import size
from llmtrace.dashboard.plaintext import Text, bounded, one_line, parsed, written

MAX_TEXT: Final = 20_000
_SHORT_CALL: Final = 100
_MEDIA: Final = ("uri", "blob", "file", "image", "audio", "document", "video")

PieceKind = Literal["text", "reasoning", "call", "result", "media", "data"]


@dataclass(frozen=True, slots=True)
class Piece:
    """What is shown of one part; `name` is the tool's."""

    kind: PieceKind
    text: Text
    name: str = ""
    call_id: str = ""


def piece_of(part: Any, limit: int = MAX_TEXT) -> Piece:
    """The piece of a part in the form of the GenAI conventions; of any other form it is the part's JSON.

    `limit` is the number of characters that are shown.
    """
    if isinstance(part, str):
        return Piece("text", bounded(part, limit))
    if not isinstance(part, Mapping):
        return Piece("data", bounded(written(part), limit))
    match part.get("type"):
        case "text" | "reasoning" as kind if (said := part.get("content", part.get("text"))) is not None:
            return Piece(kind, bounded(written(said), limit))
        case "tool_call":
            return _call(part, limit)
        case "tool_call_response":
            response = part.get("response", part.get("result"))
            return Piece("result", bounded(written(response), limit), call_id=_text(part.get("id")))
        case str() as kind if kind in _MEDIA:
            return Piece("media", bounded(_media(part), limit))
    return Piece("data", bounded(written(dict(part)), limit))


def _call(part: Mapping[str, Any], limit: int) -> Piece:
    name = _text(part.get("name"))
    return Piece("call", bounded(called(name, part.get("arguments")), limit), name, _text(part.get("id")))


def _text(value: Any) -> str:
    return "" if value is None else one_line(str(value))


def called(name: str, arguments: Any) -> str:
    """A tool's call as a person would write it where it is short, else with its arguments as JSON."""
    arguments = parsed(arguments)
    if arguments is None:
        return f"{name}()"
    if isinstance(arguments, Mapping):
        short = ", ".join(
            f"{key}={written(_quoted(value), indent=None)}" for key, value in list(arguments.items())[:20]
        )
        if len(arguments) <= 20 and len(name) + len(short) <= _SHORT_CALL and "\n" not in short:
            return f"{name}({short})"
    return f"{name}({written(arguments)})"


def _quoted(value: Any) -> str:
    return written([value], indent=None)[1:-1]


def _media(part: Mapping[str, Any]) -> str:
    """Type, size and where it is: never the bytes themselves."""
    content = part.get("content")
    told = [
        part.get("modality") or part.get("type"),
        part.get("mime_type"),
        _size(part.get("size"), content),
        part.get("uri"),
        part.get("file_id"),
        f"SHA-256 {part['sha256']}" if part.get("sha256") else None,
    ]
    return " · ".join(one_line(str(one), 300) for one in told if one)


def _size(octets: Any, content: Any) -> str | None:
    if isinstance(octets, int):
        return size(octets)
    return size(len(content) * 3 // 4) if isinstance(content, str) else None  # base64
