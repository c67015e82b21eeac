"""The four ways to write a prompt, and how each becomes messages."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from llmtrace import semconv
from llmtrace.calls.messages import messages_of
from llmtrace.calls.template import Template
from llmtrace.exceptions import PromptError
from llmtrace.providers.base import AnyMessage
from llmtrace.tracing.snapshot import snapshot

F = TypeVar("F", bound=Callable[..., Any])

TEMPLATE: Final = "__llmtrace_template__"


@dataclass(slots=True)
class Prompt:
    """Messages, and where they come from."""

    messages: Sequence[AnyMessage]
    name: str | None = None
    version: str | None = None
    template: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Template and variables as content attributes of a span."""
        content: dict[str, Any] = {f"{semconv.PROMPT_VARIABLE}{name}": value for name, value in self.variables.items()}
        if self.template is not None:
            content[semconv.PROMPT_TEMPLATE] = self.template
        return content

    def size(self) -> int:
        """About how many bytes the variables hold, which need not be in the messages."""
        return sum(map(_size, self.variables.values()))


def _size(copied: Any) -> int:
    if isinstance(copied, str):
        return len(copied)
    if isinstance(copied, dict):
        copied = copied.values()
    elif not isinstance(copied, list):
        return 0
    return sum(map(_size, copied))


def prompt_template(template: str, *, name: str | None = None, version: str | None = None) -> Callable[[F], F]:
    """Write a call's prompt as a text with places for the function's arguments.

    ``SYSTEM:``, ``USER:``, ``ASSISTANT:`` at the start of a line begin a message, ``MESSAGES: {history}`` puts a list
    of messages in; without any of them the text is one user message. Places are Python's format fields:
    ``{book.title}``, ``{price:.2f}``. Besides, ``{items:list}`` writes one item a line, ``{rows:lists}`` one
    paragraph a list, and ``{cover:image}``, ``{covers:images}``, ``{voice:audio}``, ``{file:document}`` and their
    plurals put media in. What an argument holds is never read as a template.

    The function's body may be ``...``, or return a dict of more values for the template; parameters may follow it, as
    in ``return {"shelf": "A"}, {"temperature": 0.1}``.

    Args:
        template: the text; indentation that all lines share is taken off.
        name: the prompt's name on the span; the function's own if left out.
        version: the prompt's version on the span; a hash of the text if left out.

    Raises:
        PromptError: the text is no template, such as one with a lone brace.
        TypeError: what it decorates is a call already.
    """
    compiled = Template(template, name, version or hashlib.sha256(template.encode()).hexdigest()[:12])

    def decorate(function: F) -> F:
        if hasattr(function, "using"):
            raise TypeError("prompt_template() stands below llm_call(): write @llm_call(…) above @prompt_template(…).")
        setattr(function, TEMPLATE, compiled)
        return function

    return decorate


class PromptSource:
    """A prompt function, ready to be called again and again."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.template: Template | None = getattr(function, TEMPLATE, None)
        self.name: str = getattr(function, "__name__", type(function).__name__)
        self._signature = inspect.signature(function)

    def prompt(self, returned: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Prompt:
        """The prompt that the function means by what it returned for these arguments.

        Raises:
            PromptError: it returned what is no prompt, or the template names what is not there.
        """
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        values = {name: value for name, value in bound.arguments.items() if name not in ("self", "cls")}
        returned, params = with_params(returned)
        if self.template is None:
            return Prompt(messages_of(returned, self.name), self.name, variables=_snapshots(values), params=params)
        if isinstance(returned, Mapping):
            values |= returned
        elif returned is not None and returned is not Ellipsis:
            raise PromptError(
                f"{self.name}() has a template, so that it returns nothing or a dict of values for it, not "
                f"{type(returned).__name__}."
            )
        template = self.template
        messages = template.messages(values, self.name)
        name = template.name or self.name
        return Prompt(messages, name, template.version, template.text, _snapshots(values), params)


def _snapshots(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: snapshot(value) for name, value in values.items()}


def with_params(returned: Any) -> tuple[Any, Mapping[str, Any]]:
    """Messages, and the parameters that were returned with them: ``return messages, {"temperature": 0.1}``."""
    if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], Mapping):
        messages, params = returned
        if "role" not in params:
            return messages, params
    return returned, {}
