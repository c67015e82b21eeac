"""Bedrock's answers: whole, or event by event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from llmtrace.providers.base import Answer, Choice, Chunk
from llmtrace.providers.reading import count, object_or_text, objects, parsed_call, part_of, place, text_or_none
from llmtrace.types import ToolCall, Usage

NATIVE: Final = "bedrock"


def answer(data: Any) -> Answer:
    """The whole of an answer that was not streamed. It names no model, and its id is that of the request."""
    if not isinstance(data, Mapping):
        return Answer()
    said = objects(part_of(part_of(data, "output"), "message").get("content"))
    reason = text_or_none(data.get("stopReason"))
    read = Answer([choice(said, reason)] if said or reason else [], usage=usage(data.get("usage")))
    describe(read, data)
    return read


def describe(read: Answer, data: Mapping[str, Any]) -> None:
    """Put the request's id, and the model that a prompt router chose, on `read`."""
    read.id = text_or_none(part_of(data, "ResponseMetadata").get("RequestId"))
    describe_trace(read, data)


def choice(blocks: Sequence[Mapping[str, Any]], reason: str | None) -> Choice:
    """The one answer, from its content blocks."""
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    for block in blocks:
        if isinstance(block.get("text"), str):
            text.append(block["text"])
        used, thought = block.get("toolUse"), block.get("reasoningContent")
        if isinstance(used, Mapping):
            calls.append(parsed_call(used.get("toolUseId"), str(used.get("name") or ""), used.get("input")))
        if isinstance(thought, Mapping):
            reasoning.append(text_or_none(part_of(thought, "reasoningText").get("text")) or "")
    return Choice("".join(text) or None, calls, "".join(reasoning) or None, reason, native(blocks))


def native(blocks: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The blocks as they have to come back, where there are thoughts among them, which are signed.

    Source: Amazon Bedrock, API reference, ReasoningTextBlock.
    """
    kept = [dict(block) for block in blocks if block.get("text") != ""]
    return {NATIVE: kept} if any("reasoningContent" in block for block in kept) else None


def usage(data: Any) -> Usage | None:
    """The token counts: what was read from and written to the cache is reported beside the input.

    Source: Amazon Bedrock, API reference, TokenUsage.
    """
    if not isinstance(data, Mapping):
        return None
    given = count(data.get("inputTokens"))
    cached, written = count(data.get("cacheReadInputTokens")), count(data.get("cacheWriteInputTokens"))
    total = None if given is None else given + (cached or 0) + (written or 0)
    return Usage(total, count(data.get("outputTokens")), cached, written)


class ConverseReader:
    """Puts a streamed answer together. The first item is the answer's head, which has the request's id."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._blocks: dict[int, dict[str, Any]] = {}
        self._reason: str | None = None
        self._usage: Any = None

    def feed(self, event: Any) -> Chunk | None:
        if "contentBlockDelta" in event:
            return Chunk(self._added(part_of(event, "contentBlockDelta")), None, event)
        if "contentBlockStart" in event:
            start = part_of(event, "contentBlockStart")
            used = part_of(part_of(start, "start"), "toolUse")
            if used:
                self._block(start)["toolUse"] = dict(used)
        elif "messageStop" in event:
            self._reason = text_or_none(part_of(event, "messageStop").get("stopReason"))
            return Chunk("", self._reason, event)
        elif "metadata" in event:
            metadata = part_of(event, "metadata")
            self._usage = metadata.get("usage")
            describe_trace(self._answer, metadata)
        elif "ResponseMetadata" in event:
            describe(self._answer, event)
        return None

    def _block(self, event: Mapping[str, Any]) -> dict[str, Any]:
        empty: dict[str, Any] = {"text": [], "input": [], "thought": [], "signed": {}}
        return self._blocks.setdefault(place(event, "contentBlockIndex"), empty)

    def _added(self, event: Mapping[str, Any]) -> str:
        delta, block = part_of(event, "delta"), self._block(event)
        text = text_or_none(delta.get("text")) or ""
        if text:
            block["text"].append(text)
        if "toolUse" in delta:
            block["input"].append(text_or_none(part_of(delta, "toolUse").get("input")) or "")
        if "reasoningContent" in delta:
            thought = part_of(delta, "reasoningContent")
            block["thought"].append(text_or_none(thought.get("text")) or "")
            block["signed"].update((name, value) for name, value in thought.items() if name != "text")
        return text

    @property
    def finished(self) -> bool:
        """Whether the event that ends a message has come."""
        return self._reason is not None

    def answer(self) -> Answer:
        read = self._answer
        read.usage = usage(self._usage)
        blocks = [whole(block) for _, block in sorted(self._blocks.items())]
        read.choices = [choice(blocks, self._reason)] if blocks or self._reason else []
        return read


def describe_trace(read: Answer, metadata: Mapping[str, Any]) -> None:
    """Put the model that a prompt router chose on `read`."""
    read.model = text_or_none(part_of(part_of(metadata, "trace"), "promptRouter").get("invokedModelId"))


def whole(block: Mapping[str, Any]) -> dict[str, Any]:
    """A content block from its pieces."""
    made: dict[str, Any] = {}
    if block["text"]:
        made["text"] = "".join(block["text"])
    if "toolUse" in block:
        made["toolUse"] = {**block["toolUse"], "input": object_or_text("".join(block["input"]) or "{}")}
    if "redactedContent" in block["signed"]:
        made["reasoningContent"] = dict(block["signed"])
    elif block["thought"]:
        made["reasoningContent"] = {"reasoningText": {"text": "".join(block["thought"]), **block["signed"]}}
    return made
