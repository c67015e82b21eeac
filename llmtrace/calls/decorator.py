"""`llm_call`: a function that writes a prompt becomes one that gives the model's answer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from types import MethodType
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Protocol, TypeVar, Unpack, overload

from asgiref.sync import markcoroutinefunction

from llmtrace.calls.inference import Inference
from llmtrace.calls.making import amade, made, opened
from llmtrace.calls.params import CallParams
from llmtrace.calls.plan import Plan
from llmtrace.calls.prompt import PromptSource
from llmtrace.calls.reply import Reply
from llmtrace.calls.stream import AsyncStream, Stream

P = ParamSpec("P")
R = TypeVar("R", covariant=True)
T = TypeVar("T")
Q = ParamSpec("Q")


class Call(Generic[P, R]):
    """A decorated prompt function. Calling it calls the model; in a class it is a method."""

    def __init__(self, source: PromptSource, plan: Plan) -> None:
        self._source = source
        self._plan = plan
        self._run = self._chosen()
        functools.update_wrapper(self, source.function)
        if inspect.iscoroutinefunction(source.function) and not plan.stream:
            markcoroutinefunction(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = self._run(args, kwargs)
        return result

    @overload
    def __get__(self, instance: None, owner: type) -> Call[P, R]: ...

    @overload
    def __get__(self: Call[Concatenate[Any, Q], R], instance: object, owner: type) -> Call[Q, R]: ...

    def __get__(self, instance: object | None, owner: type) -> Any:
        return self if instance is None else MethodType(self, instance)

    def using(
        self, *, model: str | None = None, provider: str | None = None, **params: Unpack[CallParams]
    ) -> Call[P, R]:
        """The same function with another model, provider or parameters. Another provider brings its own default model.

        Raises:
            TypeError: a keyword is none.
        """
        return type(self)(self._source, self._plan.with_(model, provider, params))

    def _chosen(self) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
        if inspect.iscoroutinefunction(self._source.function):
            return self._astream if self._plan.stream else self._acall
        return self._stream if self._plan.stream else self._call

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        source = self._source
        prompt = source.prompt(source.function(*args, **kwargs), args, kwargs)
        return made(self._plan, prompt, source.name)

    async def _acall(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        source = self._source
        prompt = source.prompt(await source.function(*args, **kwargs), args, kwargs)
        return await amade(self._plan, prompt, source.name)

    def _stream(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        source = self._source
        prompt = source.prompt(source.function(*args, **kwargs), args, kwargs)
        return Stream(opened(self._plan, prompt, source.name))

    def _astream(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        source = self._source

        async def prepare() -> Inference:
            prompt = source.prompt(await source.function(*args, **kwargs), args, kwargs)
            return opened(self._plan, prompt, source.name)

        return AsyncStream(prepare)


class Calling(Protocol[T]):
    """Decorates a prompt function."""

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, Any]], /
    ) -> Call[P, Coroutine[Any, Any, Reply[T]]]: ...

    @overload
    def __call__(self, function: Callable[P, Any], /) -> Call[P, Reply[T]]: ...


class Streaming(Protocol[T]):
    """Decorates a prompt function whose answer is streamed."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, Any]], /) -> Call[P, AsyncStream[T]]: ...

    @overload
    def __call__(self, function: Callable[P, Any], /) -> Call[P, Stream[T]]: ...


@overload
def llm_call(
    model: str | None = None,
    *,
    provider: str = "default",
    response_model: None = None,
    output_parser: None = None,
    stream: Literal[False] = False,
    **params: Unpack[CallParams],
) -> Calling[None]: ...


@overload
def llm_call(
    model: str | None = None,
    *,
    provider: str = "default",
    response_model: None = None,
    output_parser: None = None,
    stream: Literal[True],
    **params: Unpack[CallParams],
) -> Streaming[None]: ...


@overload
def llm_call(
    model: str | None = None,
    *,
    provider: str = "default",
    response_model: type[T],
    stream: Literal[False] = False,
    **params: Unpack[CallParams],
) -> Calling[T]: ...


@overload
def llm_call(
    model: str | None = None,
    *,
    provider: str = "default",
    response_model: type[T],
    stream: Literal[True],
    **params: Unpack[CallParams],
) -> Streaming[T]: ...


@overload
def llm_call(
    model: str | None = None,
    *,
    provider: str = "default",
    output_parser: Callable[[Reply[Any]], T],
    stream: Literal[False] = False,
    **params: Unpack[CallParams],
) -> Calling[T]: ...


@overload
def llm_call(
    model: str | None = None,
    *,
    provider: str = "default",
    output_parser: Callable[[Reply[Any]], T],
    stream: Literal[True],
    **params: Unpack[CallParams],
) -> Streaming[T]: ...


def llm_call(
    model: str | None = None,
    *,
    provider: str = "default",
    response_model: Any = None,
    output_parser: Callable[[Reply[Any]], Any] | None = None,
    stream: bool = False,
    **params: Unpack[CallParams],
) -> Any:
    """Make a call of a function that writes a prompt.

    The function returns the prompt: a text, messages, dicts, nothing below `prompt_template`, or messages together
    with a dict of parameters, "model" and "provider" among them. A call of it then returns the model's `Reply`, or a
    `Stream` with ``stream=True``; with ``async def`` it is awaited. Its arguments are recorded as the prompt's
    variables.

    Args:
        model: the model; the provider's default if left out.
        provider: a name in ``LLMTRACE["PROVIDERS"]``.
        response_model: the type that the answer is asked to be, a pydantic model or any type that pydantic knows;
            `Reply.parsed` has it.
        output_parser: a function that reads the `Reply` instead; what it returns is `Reply.parsed`.
        stream: whether the answer comes in chunks.
        **params: see `CallParams`.

    Raises:
        TypeError: a keyword is none; raised where the function is defined.
    """
    if callable(model):
        raise TypeError("llm_call() takes its arguments before it decorates: write @llm_call() above the function.")
    plan = Plan(
        "llm_call()",
        model,
        provider,
        params,
        response_model=response_model,
        output_parser=output_parser,
        stream=stream,
    )

    def decorate(function: Callable[..., Any]) -> Call[Any, Any]:
        return Call(PromptSource(function), plan)

    return decorate
