"""How a call is to be made: everything about it but the prompt, checked once and used for every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Self

from llmtrace.calls.params import check
from llmtrace.calls.structured import Parser, parser_of
from llmtrace.calls.tools import ToolBox
from llmtrace.exceptions import ConfigurationError
from llmtrace.providers.base import Provider
from llmtrace.providers.registry import get_provider


class Plan:
    """Provider, model and parameters of a call.

    Raises:
        TypeError: a keyword is none; `where` names who was called with it.
    """

    def __init__(
        self,
        where: str,
        model: str | None,
        provider: str,
        params: Mapping[str, Any],
        *,
        response_model: Any = None,
        output_parser: Callable[[Any], Any] | None = None,
        stream: bool = False,
    ) -> None:
        check(params, where, stream=stream)
        if response_model is not None and output_parser is not None:
            raise TypeError(f"{where} got both response_model and output_parser: an answer is read one way.")
        self.where = where
        self.model = model
        self.provider_name = provider
        self.params = params
        self.response_model = response_model
        self.output_parser = output_parser
        self.stream = stream
        self.rounds: int = params.get("tool_rounds") or 0
        self.repairs: int = params.get("repair") or 0
        self.fallback = tuple(params.get("fallback") or ())
        self.composite = bool(self.rounds or self.repairs or self.fallback)

    def with_(self, model: str | None, provider: str | None, params: Mapping[str, Any]) -> Self:
        """The same with some of it changed. Another provider brings its own default model."""
        if model is None and provider is None:
            model = self.model
        return type(self)(
            self.where,
            model,
            provider or self.provider_name,
            {**self.params, **params},
            response_model=self.response_model,
            output_parser=self.output_parser,
            stream=self.stream,
        )

    @cached_property
    def toolbox(self) -> ToolBox | None:
        """The tools, with their schemas."""
        tools = self.params.get("tools")
        return ToolBox(tools) if tools else None

    @cached_property
    def parser(self) -> Parser[Any] | None:
        """What reads the answer as `response_model`."""
        return None if self.response_model is None else parser_of(self.response_model)

    @property
    def provider(self) -> Provider:
        """The provider.

        Raises:
            ConfigurationError: there is none of that name, or its entry is wrong.
        """
        return get_provider(self.provider_name)

    def chosen_model(self) -> str:
        """The model to ask.

        Raises:
            ConfigurationError: neither the call nor the provider names one.
        """
        return model_of(self.model, self.provider_name, self.provider)


def model_of(model: str | None, name: str, provider: Provider) -> str:
    """The model that a call names, or else its provider.

    Raises:
        ConfigurationError: neither names one.
    """
    chosen = model or provider.model
    if chosen is None:
        where = f'LLMTRACE["PROVIDERS"]["{name}"]["OPTIONS"]'
        raise ConfigurationError(f'No model: name one in the call, or "model" in {where}.')
    return chosen
