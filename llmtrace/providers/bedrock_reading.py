"""Bedrock's answers: whole, or event by event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmtrace.providers.base import Answer, Choice, Chunk
from llmtrace.providers.openai_reading import count, object_or_text, parsed_call, text_or_none
from llmtrace.types import ToolCall, Usage

NATIVE: Final = "bedrock"


def answer(data: Any) -> Answer:
    """The whole of an answer that was not streamed. It names no model, and its id is that of the request."""
    if not isinstance(data, Mapping):
        return Answer()
    output = data.get("output")
    message = output.get("message") if isinstance(output, Mapping) else None
    said = message.get("content") if isinstance(message, Mapping) else None
    reason = text_or_none(data.get("stopReason"))
    read = Answer([choice(said or (), reason)] if said or reason else [], usage=usage(data.get("usage")))
    describe(read, data)
    return read


def describe(read: Answer, data: Mapping[str, Any]) -> None:
    """Put the request's id, and the model that a prompt router chose, on `read`."""
    metadata, trace = data.get("ResponseMetadata"), data.get("trace")
    if isinstance(metadata, Mapping):
        read.id = text_or_none(metadata.get("RequestId"))
    router = trace.get("promptRouter") if isinstance(trace, Mapping) else None
    if isinstance(router, Mapping):
        read.model = text_or_none(router.get("invokedModelId"))


def choice(blocks: Any, reason: str | None) -> Choice:
    """The one answer, from its content blocks."""
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    for block in blocks:
        if not isinstance(block, Mapping):
            continue
        if isinstance(block.get("text"), str):
            text.append(block["text"])
        used, thought = block.get("toolUse"), block.get("reasoningContent")
        if isinstance(used, Mapping):
            calls.append(parsed_call(used.get("toolUseId"), str(used.get("name") or ""), used.get("input")))
        if isinstance(thought, Mapping):
            reasoning.append(str((thought.get("reasoningText") or {}).get("text") or ""))
    return Choice("".join(text) or None, calls, "".join(reasoning) or None, reason, native(blocks))


def native(blocks: Any) -> dict[str, Any] | None:
    """The blocks as they have to come back, where there are thoughts among them, which are signed.

    Source: Amazon Bedrock, API reference, ReasoningTextBlock.
    """
    kept = [block for block in blocks if isinstance(block, Mapping) and block.get("text") != ""]
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
            return Chunk(self._added(event["contentBlockDelta"]), None, event)
        if "contentBlockStart" in event:
            start = event["contentBlockStart"]
            used = (start.get("start") or {}).get("toolUse")
            if used:
                self._block(start)["toolUse"] = dict(used)
        elif "messageStop" in event:
            self._reason = text_or_none(event["messageStop"].get("stopReason"))
            return Chunk("", self._reason, event)
        elif "metadata" in event:
            self._usage = event["metadata"].get("usage")
            describe_trace(self._answer, event["metadata"])
        elif "ResponseMetadata" in event:
            describe(self._answer, event)
        return None

    def _block(self, event: Mapping[str, Any]) -> dict[str, Any]:
        empty: dict[str, Any] = {"text": [], "input": [], "thought": [], "signed": {}}
        return self._blocks.setdefault(event.get("contentBlockIndex") or 0, empty)

    def _added(self, event: Mapping[str, Any]) -> str:
        delta, block = event.get("delta") or {}, self._block(event)
        text: str = delta.get("text") or ""
        if text:
            block["text"].append(text)
        if "toolUse" in delta:
            block["input"].append(delta["toolUse"].get("input") or "")
        if "reasoningContent" in delta:
            thought = delta["reasoningContent"]
            block["thought"].append(thought.get("text") or "")
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
    router = (metadata.get("trace") or {}).get("promptRouter")
    if isinstance(router, Mapping):
        read.model = text_or_none(router.get("invokedModelId"))


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
