"""The parameters of a call: typed keywords, the same for every provider."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypedDict

from llmtrace.types import Message


class CallParams(TypedDict, total=False):
    """What may be given with any call. What is left out is not sent.

    temperature: 0 for the likeliest words, higher for more surprising ones.
    top_p: share of the likeliest words to choose from, 0 to 1.
    max_tokens: the longest answer, in tokens.
    stop: texts at which the answer ends.
    seed: asks the provider for the same answer to the same request.
    tools: functions, or JSON schemas of tools, that the model may ask to call.
    tool_choice: "auto", "none", "required" or a tool's name.
    tool_rounds: how often the tools that the model asks for are run and their results sent back; 0 leaves that to you.
    repair: how often an answer that does not fit `response_model` is sent back with what is wrong with it.
    fallback: pairs of provider and model to try in turn when the one before fails.
    json_mode: ask for an answer that is a JSON object.
    timeout: seconds for one attempt.
    max_retries: how often the provider's SDK tries again.
    capture_content: False leaves tokens and timing on the span, and no text.
    extra: whatever else the provider takes, sent as it is.
    """

    temperature: float
    top_p: float
    max_tokens: int
    stop: str | Sequence[str]
    seed: int
    tools: Sequence[Callable[..., Any] | Mapping[str, Any]]
    tool_choice: str | Mapping[str, Any]
    tool_rounds: int
    repair: int
    fallback: Sequence[tuple[str, str]]
    json_mode: bool
    timeout: float
    max_retries: int
    capture_content: bool
    extra: Mapping[str, Any]


Messages = str | Message | Sequence[Message | Mapping[str, Any]]

SENT: Final = ("temperature", "top_p", "max_tokens", "stop", "seed", "tool_choice", "json_mode")
ROUNDS: Final = ("tool_rounds", "repair", "fallback")


def _is_list(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, (str, bytes, Mapping))


SHAPES: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "tools": ("a list of functions and of dicts with a JSON schema", _is_list),
    "fallback": (
        'a list of pairs of a provider and a model, such as [("default", "gpt-4o")]',
        lambda value: _is_list(value) and all(_is_list(pair) and len(pair) == 2 for pair in value),
    ),
}
"""What has more than one part: a mistake in it would be told far from where it was made."""


def check(params: Mapping[str, Any], where: str, *, stream: bool = False) -> None:
    """Refuse a keyword that is none, or that streams do not take, and a value that can't be read.

    Raises:
        TypeError: with the keyword that was probably meant, or with what the value has to be.
    """
    known = CallParams.__annotations__
    for name in params:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            advice = f'What only your provider knows goes in extra={{"{name}": …}}.'
            hint = f"Did you mean {close[0]!r}?" if close else advice
            raise TypeError(f"{where} got an unexpected keyword argument {name!r}. {hint}")
        if stream and name in ROUNDS and params[name]:
            raise TypeError(f"{where} got {name!r}, which needs whole answers: it does not go with a stream.")
    for name, (words, fits) in SHAPES.items():
        if params.get(name) and not fits(params[name]):
            raise TypeError(f"{where} got {name!r} of type {type(params[name]).__name__}: it has to be {words}.")


def sent(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that shape the request; one that is None counts as left out."""
    return {name: params[name] for name in SENT if params.get(name) is not None}
