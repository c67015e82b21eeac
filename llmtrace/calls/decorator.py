"""`llm_call`: a function that writes a prompt becomes one that gives the model's answer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Literal, ParamSpec, Protocol, Unpack, overload

from llmtrace.calls.inference import Inference
from llmtrace.calls.params import CallParams, check
from llmtrace.calls.prompt import PromptSource
from llmtrace.calls.reply import Reply
from llmtrace.calls.stream import AsyncStream, Stream

P = ParamSpec("P")


class Calling(Protocol):
    """Decorates a prompt function."""

    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, Any]], /
    ) -> Callable[P, Coroutine[Any, Any, Reply]]: ...

    @overload
    def __call__(self, function: Callable[P, Any], /) -> Callable[P, Reply]: ...


class Streaming(Protocol):
    """Decorates a prompt function whose answer is streamed."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, Any]], /) -> Callable[P, AsyncStream]: ...

    @overload
    def __call__(self, function: Callable[P, Any], /) -> Callable[P, Stream]: ...


@overload
def llm_call(
    model: str | None = None, *, provider: str = "default", stream: Literal[True], **params: Unpack[CallParams]
) -> Streaming: ...


@overload
def llm_call(
    model: str | None = None, *, provider: str = "default", stream: Literal[False] = False, **params: Unpack[CallParams]
) -> Calling: ...


def llm_call(
    model: str | None = None, *, provider: str = "default", stream: bool = False, **params: Unpack[CallParams]
) -> Any:
    """Make a call of a function that writes a prompt.

    The function returns the prompt: a text, messages, dicts, or nothing below `prompt_template`. A call of it then
    returns the model's `Reply`, or a `Stream` with ``stream=True``; with ``async def`` it is awaited. Its arguments
    are recorded as the prompt's variables.

    Args:
        model: the model; the provider's default if left out.
        provider: a name in ``LLMTRACE["PROVIDERS"]``.
        stream: whether the answer comes in chunks.
        **params: see `CallParams`.

    Raises:
        TypeError: a keyword is none; raised where the function is defined.
    """
    check(params, "llm_call()")
    if callable(model):
        raise TypeError(
            "llm_call() is called with its arguments before it decorates: write @llm_call() above the function."
        )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        return _Call(function, model, provider, params, stream).wrapper()

    return decorate


class _Call:
    """A decorated function."""

    def __init__(
        self, function: Callable[..., Any], model: str | None, provider: str, params: Mapping[str, Any], stream: bool
    ) -> None:
        self._function = function
        self._source = PromptSource(function)
        self._model = model
        self._provider = provider
        self._params = params
        self._stream = stream

    def _inference(self, returned: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Inference:
        prompt = self._source.prompt(returned, args, kwargs)
        return Inference(prompt, self._params, self._model, self._provider, self._source.name, self._stream)

    def wrapper(self) -> Callable[..., Any]:
        """A function that looks like the one that was decorated."""
        function = self._function
        if inspect.iscoroutinefunction(function):
            return self._async_stream() if self._stream else self._async_call()

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            inference = self._inference(function(*args, **kwargs), args, kwargs)
            return Stream(inference) if self._stream else inference.run()

        return call

    def _async_call(self) -> Callable[..., Any]:
        function = self._function

        @functools.wraps(function)
        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._inference(await function(*args, **kwargs), args, kwargs).arun()

        return call

    def _async_stream(self) -> Callable[..., Any]:
        function = self._function

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            async def prepare() -> Inference:
                return self._inference(await function(*args, **kwargs), args, kwargs)

            return AsyncStream(prepare)

        return call
