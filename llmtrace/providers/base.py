"""What a provider is: it turns a call into its protocol, sends it, and reads what comes back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol

from llmtrace.conf.kinds import Kind
from llmtrace.conf.options import NAME, emptiness, mistake
from llmtrace.masking import get_logger
from llmtrace.mistakes import tell
from llmtrace.types import Message, ToolCall, Usage

logger = get_logger("llmtrace.providers")

AnyMessage = Message | Mapping[str, Any]

UNREAD: Final = "A model's answer could not be read."


@dataclass(frozen=True, slots=True)
class Schema:
    """The form that an answer is asked to have: a JSON schema, and whether strict modes take it."""

    name: str
    schema: Mapping[str, Any]
    description: str | None = None
    strict: bool = True


@dataclass(slots=True)
class Request:
    """One inference as the caller asks for it, in no provider's words.

    `params` holds common parameters that were given, by their names in `llmtrace.calls.params`; `extra` goes into the
    provider's request as it is.
    """

    model: str
    messages: Sequence[AnyMessage]
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Mapping[str, Any]] = ()
    stream: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    max_retries: int | None = None
    schema: Schema | None = None


@dataclass(slots=True)
class Choice:
    """One of the answers to a call. `native` is what the provider wants back of it; see `Message`."""

    text: str | None = None
    tool_calls: list[ToolCall] = field(default_factory=list)
    reasoning: str | None = None
    finish_reason: str | None = None
    native: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Answer:
    """What came back. Absent is None: an id, a model or a count that the provider did not name is never made up.

    `failed` is the provider's word for why it has failed, where it says so in an answer that the SDK takes for one.
    `attributes` are the provider's own span attributes; `tier` is the service tier for the price; `size` is the
    answer's size in bytes; `raw` is the SDK's own object, or a function that makes it when it is asked for.
    """

    choices: list[Choice] = field(default_factory=list)
    id: str | None = None
    model: str | None = None
    usage: Usage | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    tier: str | None = None
    size: int = 0
    raw: Any = None
    failed: str | None = None

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        """One for each choice that has one, in the order of the choices."""
        return tuple(choice.finish_reason for choice in self.choices if choice.finish_reason is not None)


@dataclass(slots=True)
class EmbeddingRequest:
    """Texts to embed, in no provider's words."""

    model: str
    texts: Sequence[str]
    dimensions: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    max_retries: int | None = None


@dataclass(slots=True)
class EmbeddingAnswer:
    """Vectors in the order of the texts, and what they took."""

    vectors: list[list[float]] = field(default_factory=list)
    id: str | None = None
    model: str | None = None
    usage: Usage | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    raw: Any = None


class Chunk:
    """A piece of a streamed answer. `text` is what it adds to the first choice, "" where it adds none."""

    __slots__ = ("finish_reason", "raw", "text")

    def __init__(self, text: str, finish_reason: str | None, raw: Any) -> None:
        self.text = text
        self.finish_reason = finish_reason
        self.raw = raw

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Chunk(text={self.text!r}, finish_reason={self.finish_reason!r})"


class Reader(Protocol):
    """Puts a streamed answer together."""

    def feed(self, event: Any) -> Chunk | None:
        """Take one event of the stream; None when it holds nothing for the caller."""
        ...

    def answer(self) -> Answer:
        """All that has come so far."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the provider has said that the answer is complete."""
        ...


class ChatProtocol(ABC):
    """How a conversation is written on the wire: pure, without an SDK, shared by the four ways to send."""

    operation: ClassVar[str] = "chat"

    @abstractmethod
    def body(self, request: Request) -> dict[str, Any]:
        """The request as it is sent."""

    @abstractmethod
    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Span attributes of what is sent, and of nothing else."""

    @abstractmethod
    def input(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Content attributes of what is sent, in the form of the GenAI conventions."""

    @abstractmethod
    def answer(self, data: Any) -> Answer:
        """The whole of an answer that was not streamed."""

    def read(self, data: Any) -> Answer:
        """The same; an answer of a form that was not foreseen is empty, and the caller has it as `Reply.raw`."""
        try:
            return self.answer(data)
        except Exception:
            tell(logger, UNREAD, "the caller gets it all the same")
            return Answer()

    @abstractmethod
    def reader(self) -> Reader:
        """A reader for one streamed answer."""

    def output(self, answer: Answer) -> list[dict[str, Any]]:
        """The answer's choices as messages, in the form of the GenAI conventions."""
        return [rendered_choice(choice) for choice in answer.choices]


class EmbeddingProtocol(ABC):
    """How texts to embed are written on the wire."""

    @abstractmethod
    def body(self, request: EmbeddingRequest) -> dict[str, Any]:
        """The request as it is sent."""

    @abstractmethod
    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Span attributes of what is sent, and of nothing else."""

    @abstractmethod
    def answer(self, data: Any) -> EmbeddingAnswer:
        """The vectors, and what they took."""

    def read(self, data: Any) -> EmbeddingAnswer:
        """The same; an answer of a form that was not foreseen has no vectors."""
        try:
            return self.answer(data)
        except Exception:
            tell(logger, UNREAD)
            return EmbeddingAnswer()


class Provider(ABC):
    """Base of all providers: who is asked, and how it is sent. A subclass named in ``PROVIDERS`` adds a new one."""

    name: ClassVar[str]
    """`gen_ai.provider.name`"""
    price_id: ClassVar[str]
    """the provider's id in genai-prices"""
    protocol: ChatProtocol
    embedding: EmbeddingProtocol | None = None
    """None for a provider that embeds nothing"""
    option_kinds: ClassVar[Mapping[str, Kind]] = {"model": NAME}
    """what its options take; one that is not named here takes anything"""

    def __init__(self, *, model: str | None = None) -> None:
        self.model = model

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the values of these options, in words without a value; see `llmtrace.backends`."""
        return mistake(options, cls.option_kinds) or emptiness(options, ["base_url"])

    @classmethod
    def sdk(cls) -> Any:
        """The file that imports the SDK, None where there is none.

        It is imported when a client is made: an SDK takes up to half a second to load, and a process that makes no call
        does without it. Nothing is made here that could not go into a forked process.

        Raises:
            MissingDependencyError: the SDK is not installed.
        """
        return None

    @abstractmethod
    def server(self) -> tuple[str | None, int | None]:
        """Host and port of the service."""

    @abstractmethod
    def send(self, body: dict[str, Any], request: Request) -> Answer:
        """Send and wait."""

    @abstractmethod
    async def asend(self, body: dict[str, Any], request: Request) -> Answer:
        """Send and await."""

    @abstractmethod
    def stream(self, body: dict[str, Any], request: Request) -> Iterator[Any]:
        """Send, and return the events to come. Its `close()` lets go of the connection."""

    @abstractmethod
    async def astream(self, body: dict[str, Any], request: Request) -> AsyncIterator[Any]:
        """The same for async code. Its `close()` or `aclose()` lets go of the connection."""

    def status_of(self, error: BaseException) -> int | None:
        """The HTTP status that an exception of the SDK tells of, None where it tells none."""
        status = getattr(error, "status_code", None)
        return status if isinstance(status, int) else None

    def close(self) -> None:  # noqa: B027  # most have something to close, and none has to
        """Let go of the connections of sync code, when other settings take this provider's place."""

    def embed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        """Send texts to embed, and wait."""
        raise NotImplementedError(f"{type(self).__name__} embeds nothing.")

    async def aembed(self, body: dict[str, Any], request: EmbeddingRequest) -> EmbeddingAnswer:
        """Send texts to embed, and await."""
        raise NotImplementedError(f"{type(self).__name__} embeds nothing.")


def rendered_choice(choice: Choice) -> dict[str, Any]:
    """A choice as a message. The conventions want a finish reason on each: "error" stands for one that was cut off."""
    parts: list[dict[str, Any]] = []
    if choice.reasoning:
        parts.append({"type": "reasoning", "content": choice.reasoning})
    if choice.text:
        parts.append({"type": "text", "content": choice.text})
    parts.extend(rendered_call(call) for call in choice.tool_calls)
    return {"role": "assistant", "parts": parts, "finish_reason": choice.finish_reason or "error"}


def rendered_call(call: ToolCall) -> dict[str, Any]:
    """A tool call as a part of a message."""
    arguments: Any = call.arguments or call.raw_arguments or {}
    part = {"type": "tool_call", "id": call.id, "name": call.name, "arguments": arguments}
    return {key: value for key, value in part.items() if value is not None}
