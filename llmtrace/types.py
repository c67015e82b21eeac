"""What calls take and give: messages, their parts, tool calls, usage. Frozen, without Django and without any SDK."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool", "developer"]

PartType = Literal["text", "image", "audio", "document", "reasoning"]


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a message: text, or media given as bytes, as a URI or as the id of a file that the provider keeps.

    Exactly one of `text`, `data`, `uri` and `file_id` is set.
    """

    type: PartType
    text: str | None = None
    data: bytes | None = None
    uri: str | None = None
    file_id: str | None = None
    mime_type: str | None = None

    @classmethod
    def image(cls, source: bytes | str, mime_type: str | None = None) -> Part:
        """An image from its bytes (then `mime_type` is needed) or its URI."""
        return cls._media("image", source, mime_type)

    @classmethod
    def audio(cls, source: bytes | str, mime_type: str | None = None) -> Part:
        """Sound from its bytes (then `mime_type` is needed) or its URI."""
        return cls._media("audio", source, mime_type)

    @classmethod
    def document(cls, source: bytes | str, mime_type: str | None = None) -> Part:
        """A document, a PDF for one, from its bytes (then `mime_type` is needed) or its URI."""
        return cls._media("document", source, mime_type)

    @classmethod
    def _media(cls, type: PartType, source: bytes | str, mime_type: str | None) -> Part:
        if isinstance(source, str):
            return cls(type, uri=source, mime_type=mime_type)
        if mime_type is None:
            raise ValueError(f"Part.{type}() from bytes needs mime_type=, such as 'image/png'.")
        return cls(type, data=source, mime_type=mime_type)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool that the model asked for.

    `arguments` is the decoded JSON object. When the model wrote no valid JSON object it is empty and
    `raw_arguments` has the text as it came.
    """

    id: str | None
    name: str
    arguments: dict[str, Any]
    raw_arguments: str | None = None
    function: Callable[..., Any] | None = field(default=None, compare=False, repr=False)

    def run(self) -> Any:
        """Call the tool's function with the arguments. An async function returns what is to be awaited.

        Raises:
            LookupError: the call was not made with a function as its tool, so there is nothing to run.
            pydantic.ValidationError: the arguments do not fit the function's annotations.
        """
        if self.function is None:
            raise LookupError(f"The tool {self.name!r} was given as a schema, not as a function: nothing can be run.")
        return self.function(**self.arguments)

    async def arun(self) -> Any:
        """The same, and await what an async function returns."""
        result = self.run()
        return await result if inspect.isawaitable(result) else result


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    `content` is a text or parts in order. `tool_calls` belong to an assistant's message; `tool_call_id`
    names the call that a message of role ``tool`` answers. `native` is what a provider wants back of an answer besides
    text and calls, such as its signed thoughts, in its own form and by its name; other providers do not get it.
    """

    role: Role
    content: str | Sequence[Part | str] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    native: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def system(cls, content: str | Sequence[Part | str]) -> Message:
        """Instructions to the model."""
        return cls("system", content)

    @classmethod
    def user(cls, content: str | Sequence[Part | str]) -> Message:
        """What a person says."""
        return cls("user", content)

    @classmethod
    def assistant(cls, content: str | Sequence[Part | str] = "", tool_calls: Sequence[ToolCall] = ()) -> Message:
        """What the model said, or asked to call."""
        return cls("assistant", content, tuple(tool_calls))

    @classmethod
    def tool(cls, content: str, tool_call_id: str, name: str | None = None) -> Message:
        """What a tool returned."""
        return cls("tool", content, tool_call_id=tool_call_id, name=name)

    @property
    def text(self) -> str:
        """The text of all text parts together."""
        if isinstance(self.content, str):
            return self.content
        parts = [Part("text", part) if isinstance(part, str) else part for part in self.content]
        return "".join(part.text or "" for part in parts if part.type == "text")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one inference, None where the provider did not say.

    `cached_tokens` and `cache_write_tokens` are part of `input_tokens`, `reasoning_tokens` are part of
    `output_tokens`, as the GenAI semantic conventions count them.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


JSONObject = Mapping[str, Any]
