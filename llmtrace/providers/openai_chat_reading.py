"""Chat completions as they come back: whole, or chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from llmtrace import semconv
from llmtrace.jsontext import as_json
from llmtrace.providers.base import Answer, Choice, Chunk
from llmtrace.providers.reading import OBJECT, count, objects, parsed_call, part_of, place, text_or_none
from llmtrace.types import ToolCall, Usage

FAILED: Final = "error"
LONGEST_CODE: Final = 64
THOUGHT: Final = "reasoning_content"


def usage(data: Any, reasoning_beside: bool = False) -> Usage | None:
    """The token counts of a usage object. Cached tokens are part of its totals; reasoning tokens too, on most hosts.

    Where those are counted beside the completion's, the total tells, if the host is not known for it: models of xAI are
    on other hosts as well. DeepSeek names the cached ones at the top. Source: DeepSeek, Context caching.
    """
    if not isinstance(data, Mapping):
        return None
    prompt, completion = part_of(data, "prompt_tokens_details"), part_of(data, "completion_tokens_details")
    cached = count(prompt.get("cached_tokens"))
    given, taken = count(data.get("prompt_tokens")), count(data.get("completion_tokens"))
    reasoning = count(completion.get("reasoning_tokens"))
    if reasoning and taken is not None:
        total = count(data.get("total_tokens"))
        if reasoning_beside or (total is not None and total == (given or 0) + taken + reasoning):
            taken += reasoning
    return Usage(
        given,
        taken,
        count(data.get("prompt_cache_hit_tokens")) if cached is None else cached,
        count(prompt.get("cache_write_tokens")),
        reasoning,
    )


def describe(read: Answer, data: Mapping[str, Any]) -> None:
    """Put OpenAI's own attributes of an answer or a chunk on `read`."""
    tier, fingerprint = data.get("service_tier"), data.get("system_fingerprint")
    if isinstance(tier, str):
        read.tier = read.attributes[semconv.OPENAI_RESPONSE_SERVICE_TIER] = tier
    if isinstance(fingerprint, str):
        read.attributes[semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT] = fingerprint


def choice(data: Mapping[str, Any]) -> Choice:
    """One choice. A choice that a content filter has taken out has no message."""
    found = data.get("message")
    said: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    calls = [call_of(each) for each in objects(said.get("tool_calls"))]
    text = said.get("content")
    if text is None:
        text = said.get("refusal")
    return Choice(
        text if isinstance(text, str) else plain_text(text),
        calls,
        text_or_none(said.get("reasoning_content")) or text_or_none(said.get("reasoning")),
        text_or_none(data.get("finish_reason")),
        native(said.get("reasoning_content")),
    )


def failed(choices: Iterable[Choice]) -> str | None:
    """The finish reason that means a failure. Source: Mistral, Chat completion; OpenRouter, Errors: `finish_reason`."""
    return FAILED if any(each.finish_reason == FAILED for each in choices) else None


def error_in(data: Mapping[str, Any]) -> str | None:
    """The code of the error that came in the place of an answer. Source: OpenRouter, Errors and debugging."""
    error = data.get("error")
    if not isinstance(error, OBJECT):
        return None
    return str(error.get("code") or error.get("type") or FAILED)[:LONGEST_CODE]


def native(thought: Any) -> dict[str, Any] | None:
    """What some hosts want back with a call of tools."""
    return {THOUGHT: thought} if isinstance(thought, str) else None


def plain_text(content: Any) -> str | None:
    """The text of a content that came as parts."""
    if not isinstance(content, (list, tuple)):
        return None
    return "".join(str(each.get("text") or "") for each in objects(content))


def call_of(data: Mapping[str, Any]) -> ToolCall:
    """A tool call as it came."""
    function = part_of(data, "function") or part_of(data, "custom")
    arguments = function.get("arguments", function.get("input", ""))
    return parsed_call(data.get("id"), function.get("name"), arguments)


class _Choice:
    """A choice that is being streamed."""

    __slots__ = ("calls", "finish_reason", "reasoning", "text")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.calls: list[dict[str, Any]] = []
        self.finish_reason: str | None = None


class ChatReader:
    """Puts a streamed chat completion together."""

    def __init__(self, reasoning_beside: bool = False) -> None:
        self._reasoning_beside = reasoning_beside
        self._answer = Answer()
        self._choices: dict[int, _Choice] = {}
        self._usage: Any = None

    def feed(self, event: Any) -> Chunk | None:
        self._head(event)
        choices = event.get("choices")
        if not choices:
            return None
        text, finish = "", None
        for each in objects(choices):
            index = place(each)
            state = self._choices.get(index)
            if state is None:
                state = self._choices[index] = _Choice()
            delta = each.get("delta")
            added = self._add(state, delta) if delta and isinstance(delta, OBJECT) else ""
            if each.get("finish_reason"):
                state.finish_reason = str(each["finish_reason"])
            if index == 0:
                text, finish = added, text_or_none(each.get("finish_reason"))
        return Chunk(text, finish, event)

    def _head(self, event: Any) -> None:
        """Take what an event says of the whole answer."""
        read = self._answer
        if read.id is None:
            read.id = text_or_none(event.get("id"))
        if read.model is None:
            read.model = text_or_none(event.get("model"))
        if "service_tier" in event or "system_fingerprint" in event:
            describe(read, event)
        if event.get("usage"):
            self._usage = event["usage"]
        elif "x_groq" in event:  # Source: Groq, API reference, Chat completion chunk
            self._usage = part_of(event, "x_groq").get("usage") or self._usage

    def _add(self, state: _Choice, delta: Mapping[str, Any]) -> str:
        text = delta.get("content") or delta.get("refusal") or ""
        if type(text) is not str:  # Mistral sends parts when its model thinks
            text = plain_text(text) or ""
        if text:
            state.text.append(text)
        if delta.get("tool_calls"):
            for call in objects(delta["tool_calls"]):
                add_call(state.calls, call)
        reasoning = text_or_none(delta.get("reasoning_content") or delta.get("reasoning"))
        if reasoning:
            state.reasoning.append(reasoning)
        return text

    @property
    def finished(self) -> bool:
        """Every choice has its finish reason; the SDK takes a stream that was merely cut for a whole one."""
        states = self._choices.values()
        return bool(states) and all(state.finish_reason is not None for state in states)

    def answer(self) -> Answer:
        read = self._answer
        read.usage = usage(self._usage, self._reasoning_beside)
        read.choices = [
            Choice(
                "".join(state.text) if state.text else None,
                [parsed_call(call["id"], call["name"], "".join(call["arguments"])) for call in state.calls],
                "".join(state.reasoning) or None,
                state.finish_reason,
                native("".join(state.reasoning)) if state.reasoning else None,
            )
            for _, state in sorted(self._choices.items())
        ]
        read.failed = failed(read.choices)
        return read


def add_call(calls: list[dict[str, Any]], delta: Mapping[str, Any]) -> None:
    """Add a piece of a tool call. Hosts have sent every call with index 0: a new id is a new call."""
    function = part_of(delta, "function")
    id, index = delta.get("id"), delta.get("index")
    known = next((call for call in reversed(calls) if call["index"] == index), None)
    if known is None or (id and known["id"] and id != known["id"]):
        known = {"index": index, "id": id, "name": "", "arguments": []}
        calls.append(known)
    known["id"] = known["id"] or id
    known["name"] = known["name"] or function.get("name") or ""
    arguments = function.get("arguments")
    if arguments:
        known["arguments"].append(arguments if isinstance(arguments, str) else as_json(arguments))
