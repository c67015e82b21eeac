"""OpenAI's responses as they come back: whole, or event by event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmtrace.providers.base import Answer, ChatProtocol, Choice, Chunk
from llmtrace.providers.reading import count, objects, parsed_call, part_of, text_or_none, texts
from llmtrace.types import ToolCall, Usage

NATIVE: Final = "openai.responses"


def usage(data: Any) -> Usage | None:
    """The token counts of a usage object; cached and reasoning tokens are part of its totals already."""
    if not isinstance(data, Mapping):
        return None
    given, taken = data.get("input_tokens_details"), data.get("output_tokens_details")
    return Usage(
        count(data.get("input_tokens")),
        count(data.get("output_tokens")),
        count(given.get("cached_tokens")) if isinstance(given, Mapping) else None,
        count(given.get("cache_write_tokens")) if isinstance(given, Mapping) else None,
        count(taken.get("reasoning_tokens")) if isinstance(taken, Mapping) else None,
    )


def choice(data: Mapping[str, Any]) -> Choice:
    """The one answer of a response, from all items of its output."""
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    for item in objects(data.get("output")):
        if item.get("type") == "message":
            text.append(texts(each.get("text") or each.get("refusal") for each in objects(item.get("content"))))
        elif item.get("type") == "function_call":
            calls.append(parsed_call(item.get("call_id"), item.get("name") or "", item.get("arguments")))
        elif item.get("type") == "reasoning":
            reasoning.append(texts(each.get("text") for each in objects(item.get("summary"))))
    return Choice("".join(text) or None, calls, "".join(reasoning) or None, finish_reason(data), native(data))


def native(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """The items of the output as they have to come back, where the model thought before it called a function.

    The thoughts themselves stay with OpenAI, unless it was told to store nothing: then they come back where they were
    asked for, with ``extra={"store": False, "include": ["reasoning.encrypted_content"]}``.

    Source: OpenAI, Reasoning models, "Keeping reasoning items in context".
    """
    items = objects(data.get("output"))
    thoughts = [item for item in items if item.get("type") == "reasoning"]
    if not thoughts or not any(item.get("type") == "function_call" for item in items):
        return None
    if data.get("store") is False and not all(item.get("encrypted_content") for item in thoughts):
        return None
    return {NATIVE: items}


def finish_reason(data: Mapping[str, Any]) -> str | None:
    """Why the response is incomplete, else its status."""
    details = data.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, Mapping) else None
    return text_or_none(reason) or text_or_none(data.get("status"))


def failure(data: Mapping[str, Any]) -> str:
    """The code of the error that a response has failed with."""
    error = data.get("error")
    return (text_or_none(error.get("code")) if isinstance(error, Mapping) else None) or "failed"


class ResponsesReader:
    """Puts a streamed response together. Its last event holds all of it; until then there is what has come so far."""

    def __init__(self, protocol: ChatProtocol) -> None:
        self._protocol = protocol
        self._response: Mapping[str, Any] = {}
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[ToolCall] = []
        self._ended = False

    def feed(self, event: Any) -> Chunk | None:
        kind = event.get("type")
        if kind == "response.output_text.delta" or kind == "response.refusal.delta":
            text = text_or_none(event.get("delta")) or ""
            self._text.append(text)
            return Chunk(text, None, event)
        if kind == "response.reasoning_summary_text.delta":
            self._reasoning.append(text_or_none(event.get("delta")) or "")
            return Chunk("", None, event)
        if kind == "response.output_item.done":
            self._done(part_of(event, "item"))
        response = event.get("response")
        if isinstance(response, Mapping):
            self._response = response
            if kind in ("response.completed", "response.incomplete"):
                self._ended = True
                return Chunk("", finish_reason(response), event)
        return None

    def _done(self, item: Mapping[str, Any]) -> None:
        if item.get("type") == "function_call":
            self._calls.append(parsed_call(item.get("call_id"), item.get("name") or "", item.get("arguments")))

    @property
    def finished(self) -> bool:
        """Whether the event that ends a response has come."""
        return self._ended

    def answer(self) -> Answer:
        read = self._protocol.answer(self._response)
        if not self._ended:
            reason = finish_reason(self._response) if read.failed else None
            so_far = Choice("".join(self._text) or None, self._calls, "".join(self._reasoning) or None, reason)
            read.choices = [so_far] if self._text or self._calls or reason else []
        return read
