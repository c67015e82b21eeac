"""Google's answers: whole, or chunk by chunk."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

from llmtrace.providers.base import Answer, Choice, Chunk
from llmtrace.providers.reading import count, objects, parsed_call, part_of, place, text_or_none, texts
from llmtrace.types import ToolCall, Usage

NATIVE: Final = "google"
SIGNATURE: Final = "thought_signature"


def answer(data: Any) -> Answer:
    """The whole of an answer that was not streamed."""
    reader = GenerateReader()
    if isinstance(data, Mapping):
        reader.feed(data)
    return reader.answer()


def usage(data: Any) -> Usage | None:
    """The token counts: thinking is reported beside the candidates, what tools brought in beside the prompt.

    Source: Google, Gemini API reference, UsageMetadata.
    """
    if not isinstance(data, Mapping):
        return None
    prompt, tools = count(data.get("prompt_token_count")), count(data.get("tool_use_prompt_token_count"))
    said, thought = count(data.get("candidates_token_count")), count(data.get("thoughts_token_count"))
    given = None if prompt is None else prompt + (tools or 0)
    taken = None if said is None and thought is None else (said or 0) + (thought or 0)
    return Usage(given, taken, count(data.get("cached_content_token_count")), None, thought)


class _Candidate:
    """A candidate so far."""

    __slots__ = ("calls", "finish_reason", "parts", "text", "thought")

    def __init__(self) -> None:
        self.parts: list[Mapping[str, Any]] = []
        self.text: list[str] = []
        self.thought: list[str] = []
        self.calls: list[ToolCall] = []
        self.finish_reason: str | None = None

    def add(self, part: Mapping[str, Any]) -> str:
        """Take a part, and give the text that it adds."""
        self.parts.append(part)
        call = part.get("function_call")
        if isinstance(call, Mapping):
            self.calls.append(parsed_call(call.get("id"), str(call.get("name") or ""), call.get("args") or {}))
            return ""
        text = text_or_none(part.get("text")) or ""
        if part.get("thought"):
            self.thought.append(text)
            return ""
        self.text.append(text)
        return text

    def choice(self) -> Choice:
        text, thought = "".join(self.text) or None, "".join(self.thought) or None
        return Choice(text, self.calls, thought, self.finish_reason, native(self.parts))


def native(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The parts as they have to come back, where some of them are signed: calls without their signature are refused.

    Source: Google, Gemini API, Thought signatures.
    """
    kept: list[dict[str, Any]] = []
    for part in parts:
        if part.get("thought") or part == {"text": ""}:
            continue
        if kept and kept[-1].keys() == part.keys() == {"text"}:
            kept[-1]["text"] = texts((kept[-1]["text"], part["text"]))
        else:
            kept.append(dict(part))
    if not any(SIGNATURE in part for part in kept):
        return None
    for part in kept:
        if isinstance(part.get(SIGNATURE), str):  # bytes in JSON
            part[SIGNATURE] = base64.urlsafe_b64decode(part[SIGNATURE])
    return {NATIVE: kept}


class GenerateReader:
    """Puts an answer together. Each chunk repeats the usage so far: the last one counts."""

    def __init__(self) -> None:
        self._answer = Answer()
        self._candidates: dict[int, _Candidate] = {}
        self._blocked: str | None = None
        self._usage: Any = None

    def feed(self, event: Any) -> Chunk | None:
        read = self._answer
        read.id = text_or_none(event.get("response_id")) or read.id
        read.model = text_or_none(event.get("model_version")) or read.model
        self._usage = event.get("usage_metadata") or self._usage
        feedback = event.get("prompt_feedback")
        if isinstance(feedback, Mapping) and feedback.get("block_reason"):
            self._blocked = str(feedback["block_reason"])
        text, finish = "", self._blocked
        for position, candidate in enumerate(objects(event.get("candidates"))):
            index = place(candidate) or position
            state = self._candidates.setdefault(index, _Candidate())
            added = [state.add(part) for part in objects(part_of(candidate, "content").get("parts"))]
            if candidate.get("finish_reason"):
                state.finish_reason = str(candidate["finish_reason"])
            if index == 0:
                text, finish = "".join(added), state.finish_reason
        return Chunk(text, finish, event)

    @property
    def finished(self) -> bool:
        """Every candidate has its finish reason, or the prompt was refused."""
        states = self._candidates.values()
        return self._blocked is not None or (bool(states) and all(each.finish_reason for each in states))

    def answer(self) -> Answer:
        read = self._answer
        read.usage = usage(self._usage)
        read.choices = [state.choice() for _, state in sorted(self._candidates.items())]
        if self._blocked is not None and not read.choices:
            read.choices = [Choice(finish_reason=self._blocked)]
        return read
