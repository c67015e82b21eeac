"""What was said in a call, from the messages of the GenAI conventions to what the page shows of them.

Whatever the content holds, there is something to show: messages of an unknown form are shown as the JSON that they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from llmtrace import semconv
from llmtrace.dashboard.parts import MAX_TEXT, Piece, piece_of
from llmtrace.dashboard.plaintext import one_line, parsed

MAX_MESSAGES: Final = 100  # of what was sent and of what came back; the middle is left out
MAX_PARTS: Final = 100
MAX_ROOM: Final = 200_000  # characters for what was sent, and as many for what came back
LEAST: Final = 200  # characters of every part
_AT_BEGIN: Final = 20

Role = Literal["system", "user", "assistant", "tool", "other", "gap"]
_ROLES: Final[dict[str, Role]] = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "assistant": "assistant",
    "model": "assistant", "tool": "tool", "function": "tool",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message. `said_by` is its role in its own word, `notes` what else its title tells.

    A bubble of role ``gap`` stands for `left_out` messages; in others it is the number of parts that are not shown.
    """

    role: Role
    said_by: str = ""
    notes: tuple[str, ...] = ()
    choice: int | None = None
    pieces: tuple[Piece, ...] = ()
    left_out: int = 0


def conversation_of(content: Mapping[str, Any], tool_times: Mapping[str, str] | None = None) -> list[Bubble]:
    """The messages of a call in the order in which they were said: instructions, what was sent, what came back.

    Args:
        content: content attributes by name; messages as lists of dicts or as JSON texts.
        tool_times: how long each tool ran, ready to show, by the id of its call.
    """
    read = _Reader(tool_times or {})
    system = parsed(content.get(semconv.SYSTEM_INSTRUCTIONS))
    instructions = [Bubble("system", "system", pieces=read.pieces(system))] if system else []
    sent = _shortened(_list(content.get(semconv.INPUT_MESSAGES)), read)
    read.room = MAX_ROOM
    answers = _list(content.get(semconv.OUTPUT_MESSAGES))
    return [*instructions, *sent, *_shortened(answers, read, choices=len(answers) > 1)]


def _list(value: Any) -> Sequence[Any]:
    value = parsed(value)
    if value is None:
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


def _shortened(messages: Sequence[Any], read: _Reader, choices: bool = False) -> list[Bubble]:
    """Bubbles of the first and the last messages, and a gap where there are more than the page bears."""
    numbered = list(enumerate(messages, 1))
    gap = len(messages) - MAX_MESSAGES
    if gap > 0:
        numbered = [*numbered[:_AT_BEGIN], *numbered[_AT_BEGIN + gap :]]
    bubbles = [read.bubble(message, number if choices else None) for number, message in numbered]
    return bubbles if gap <= 0 else [*bubbles[:_AT_BEGIN], Bubble("gap", left_out=gap), *bubbles[_AT_BEGIN:]]


@dataclass(slots=True)
class _Reader:
    """Reads messages in order, so that a tool's result knows the name of the tool that was called."""

    tool_times: Mapping[str, str]
    tools: dict[str, str] = field(default_factory=dict)
    room: int = MAX_ROOM

    def bubble(self, message: Any, choice: int | None) -> Bubble:
        if not isinstance(message, Mapping):
            return Bubble("other", choice=choice, pieces=(self._piece(message),))
        said_by = one_line(str(message.get("role") or ""), 40)
        parts = message.get("parts", message.get("content"))
        pieces = (self._piece(dict(message)),) if parts is None else self.pieces(parts)
        left_out = max(0, len(parts) - MAX_PARTS) if isinstance(parts, (list, tuple)) else 0
        role = _ROLES.get(said_by.lower(), "other")
        return Bubble(role, said_by, self._notes(message, pieces), choice, pieces, left_out)

    def pieces(self, parts: Any) -> tuple[Piece, ...]:
        parts = parts if isinstance(parts, (list, tuple)) else (parts,)
        pieces = tuple(self._piece(part) for part in parts[:MAX_PARTS])
        self.tools.update((piece.call_id, piece.name) for piece in pieces if piece.kind == "call" and piece.call_id)
        return pieces

    def _piece(self, part: Any) -> Piece:
        piece = piece_of(part, min(MAX_TEXT, max(self.room, LEAST)))
        self.room -= len(piece.text.shown)
        return piece

    def _notes(self, message: Mapping[str, Any], pieces: Sequence[Piece]) -> tuple[str, ...]:
        """Names of people and of tools that answered, their times, and why the model stopped."""
        told = [message.get("name")]
        for piece in pieces:
            if piece.kind == "result":
                told += [self.tools.get(piece.call_id), self.tool_times.get(piece.call_id)]
        told.append(message.get("finish_reason"))
        return tuple(dict.fromkeys(one_line(str(note), 60) for note in told if note))
