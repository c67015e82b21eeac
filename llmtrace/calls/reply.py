"""What a call gives back."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Generic

from typing_extensions import TypeVar

from llmtrace.providers.base import Answer, AnyMessage
from llmtrace.types import Message, ToolCall, Usage

T = TypeVar("T", default=None)

NO_USAGE = Usage()


class Reply(Generic[T]):
    """An answer of a model. `str(reply)` is its text."""

    __slots__ = ("_answer", "_sent", "cost", "parsed", "span_id", "trace_id")

    cost: Decimal | None
    """USD, None when unknown"""
    parsed: T
    """the answer as the `response_model` or `output_parser` read it, None without one"""
    trace_id: str | None
    """32 hex digits, None when nothing was recorded"""
    span_id: str | None
    """16 hex digits, None when nothing was recorded"""

    def __init__(
        self,
        answer: Answer,
        sent: Sequence[AnyMessage],
        cost: Decimal | None,
        trace_id: str | None,
        span_id: str | None,
        parsed: T,
    ) -> None:
        self._answer = answer
        self._sent = sent
        self.cost = cost
        self.trace_id = trace_id
        self.span_id = span_id
        self.parsed = parsed

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Reply {self.model or ''}: {self.text[:60]!r}>"

    @property
    def text(self) -> str:
        """The text of the first choice, "" when it has none."""
        choices = self._answer.choices
        return (choices[0].text or "") if choices else ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The text of each choice."""
        return tuple(choice.text or "" for choice in self._answer.choices)

    @property
    def reasoning(self) -> str | None:
        """What the model thought aloud, where the provider shows it."""
        choices = self._answer.choices
        return choices[0].reasoning if choices else None

    @property
    def usage(self) -> Usage:
        """The tokens; every count is None when the provider named none."""
        return self._answer.usage or NO_USAGE

    @property
    def model(self) -> str | None:
        """The model that answered, as the provider names it."""
        return self._answer.model

    @property
    def id(self) -> str | None:
        """The provider's id of the answer."""
        return self._answer.id

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        """Why each choice ended, in the provider's own words."""
        return self._answer.finish_reasons

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that the first choice asks to call."""
        choices = self._answer.choices
        return tuple(choices[0].tool_calls) if choices else ()

    @property
    def message(self) -> Message:
        """The answer as a message, to go on with the conversation."""
        choices = self._answer.choices
        return Message("assistant", self.text, self.tool_calls, native=choices[0].native if choices else None)

    @property
    def messages(self) -> list[AnyMessage]:
        """The conversation: what was sent, and the answer."""
        return [*self._sent, self.message]

    @property
    def raw(self) -> Any:
        """The answer as the provider's SDK would have returned it; None for one that was streamed."""
        return self._answer.raw() if callable(self._answer.raw) else self._answer.raw
