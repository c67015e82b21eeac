"""Anthropic's messages as they come back: whole, or event by event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from llmtrace import semconv
from llmtrace.providers.base import Answer, Choice, Chunk
from llmtrace.providers.reading import count, object_or_text, objects, parsed_call, part_of, place, text_or_none
from llmtrace.types import ToolCall, Usage

NATIVE: Final = "anthropic"
PLAIN: Final = ("text", "tool_use")
PIECES: Final[Mapping[str, str]] = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
}
"""Where the deltas have what they add."""


def answer(data: Any) -> Answer:
    """The whole of an answer that was not streamed."""
    if not isinstance(data, Mapping):
        return Answer()
    said = choice(objects(data.get("content")), text_or_none(data.get("stop_reason")))
    read = Answer([said], text_or_none(data.get("id")), text_or_none(data.get("model")), usage(data.get("usage")))
    describe(read, data.get("usage"))
    return read


def describe(read: Answer, counts: Any) -> None:
    """Put the service tier on `read`."""
    tier = text_or_none(counts.get("service_tier")) if isinstance(counts, Mapping) else None
    if tier is not None:
        read.tier = read.attributes[semconv.ANTHROPIC_SERVICE_TIER] = tier


def choice(blocks: Sequence[Mapping[str, Any]], reason: str | None) -> Choice:
    """The one answer, from its content blocks."""
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    for block in blocks:
        kind = block.get("type")
        if kind == "text":
            text.append(str(block.get("text") or ""))
        elif kind == "thinking":
            reasoning.append(str(block.get("thinking") or ""))
        elif kind == "tool_use":
            calls.append(parsed_call(block.get("id"), str(block.get("name") or ""), block.get("input")))
    return Choice("".join(text) or None, calls, "".join(reasoning) or None, reason, native(blocks))


def native(blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The blocks as they have to come back, where there are others than texts and calls: thoughts, for one.

    Source: Anthropic, Extended thinking, "Preserving thinking blocks".
    """
    kept = [dict(block) for block in blocks if block.get("text") != ""]
    return {NATIVE: kept} if any(block.get("type") not in PLAIN for block in kept) else None


def usage(data: Any) -> Usage | None:
    """The token counts: they report what was read from and written to the cache beside the input, not in it.

    Source: Anthropic, Prompt caching, "Tracking cache performance".
    """
    if not isinstance(data, Mapping):
        return None
    given = count(data.get("input_tokens"))
    cached, written = count(data.get("cache_read_input_tokens")), count(data.get("cache_creation_input_tokens"))
    total = None if given is None else given + (cached or 0) + (written or 0)
    return Usage(total, count(data.get("output_tokens")), cached, written, thought(data))


def thought(data: Mapping[str, Any]) -> int | None:
    """Tokens of thinking, where the answer tells them."""
    details = data.get("output_tokens_details")
    return count(details.get("thinking_tokens")) if isinstance(details, Mapping) else None


class MessageReader:
    """Puts a streamed message together: the input's counts come first, those of the output grow to the end."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._blocks: dict[int, dict[str, Any]] = {}
        self._usage: dict[str, Any] = {}
        self._reason: str | None = None
        self._stopped = False

    def feed(self, event: Any) -> Chunk | None:
        kind = event.get("type")
        if kind == "content_block_delta":
            return Chunk(self._added(event), None, event)
        if kind == "content_block_start":
            self._blocks[place(event)] = {**part_of(event, "content_block"), "parts": []}
        elif kind == "message_start":
            self._began(part_of(event, "message"))
        elif kind == "message_delta":
            self._reason = text_or_none(part_of(event, "delta").get("stop_reason")) or self._reason
            self._count(event.get("usage"))
            return Chunk("", self._reason, event)
        elif kind == "message_stop":
            self._stopped = True
        return None

    def _began(self, message: Mapping[str, Any]) -> None:
        self._answer.id = text_or_none(message.get("id"))
        self._answer.model = text_or_none(message.get("model"))
        self._count(message.get("usage"))

    def _count(self, counts: Any) -> None:
        """Take counts that are known; later ones are totals, not additions."""
        if isinstance(counts, Mapping):
            self._usage.update((name, value) for name, value in counts.items() if value is not None)

    def _added(self, event: Mapping[str, Any]) -> str:
        delta = part_of(event, "delta")
        block = self._blocks.setdefault(place(event), {"type": "text", "parts": []})
        kind = delta.get("type")
        if kind == "signature_delta":
            block["signature"] = delta.get("signature")
        piece = text_or_none(delta.get(PIECES.get(str(kind), "")))
        if piece is not None:
            block["parts"].append(piece)
        return piece or "" if kind == "text_delta" else ""

    @property
    def finished(self) -> bool:
        """Whether the event that ends a message has come."""
        return self._stopped

    def answer(self) -> Answer:
        read = self._answer
        read.usage = usage(self._usage) if self._usage else None
        describe(read, self._usage)
        said = choice([whole(block) for _, block in sorted(self._blocks.items())], self._reason)
        read.choices = [said] if self._blocks or self._reason else []
        return read


def whole(block: Mapping[str, Any]) -> dict[str, Any]:
    """A content block from its pieces."""
    joined = "".join(block["parts"])
    made = {key: value for key, value in block.items() if key != "parts"}
    kind = str(block.get("type"))
    if kind in ("text", "thinking"):
        made[kind] = str(block.get(kind) or "") + joined
    elif joined:
        made["input"] = object_or_text(joined)
    return made
