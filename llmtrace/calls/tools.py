"""Tools: functions that a model may ask to call, their JSON schemas, and the span of each run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, ParamSpec, TypeVar, overload

from opentelemetry.trace import SpanKind
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from llmtrace import semconv
from llmtrace.calls.docstring import described
from llmtrace.tracing.call_span import CallSpan
from llmtrace.tracing.snapshot import snapshot
from llmtrace.types import ToolCall

P = ParamSpec("P")
R = TypeVar("R")

EXECUTE_TOOL = "execute_tool"


class Tool(Generic[P, R]):
    """A function with the schema that a model needs to ask for it. Calling it calls the function."""

    def __init__(self, function: Callable[P, R], name: str | None = None, description: str | None = None) -> None:
        self.function = function
        self.name: str = name or function.__name__
        told, arguments = described(function)
        self.description = description or told
        self._arguments = _model(function, self.name, arguments)
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @functools.cached_property
    def spec(self) -> dict[str, Any]:
        """Name, description and the JSON schema of the arguments."""
        schema = self._arguments.model_json_schema()
        schema.pop("title", None)
        for each in schema.get("properties", {}).values():
            each.pop("title", None)
        spec: dict[str, Any] = {"name": self.name, "parameters": {"type": "object", "properties": {}, **schema}}
        if self.description:
            spec["description"] = self.description
        return spec

    def checked(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function's annotations want them.

        Raises:
            pydantic.ValidationError: they do not fit.
        """
        read = self._arguments.model_validate(arguments)
        return {name: getattr(read, field) for field, name in _names(self._arguments).items() if name in arguments}


def _names(model: type[BaseModel]) -> dict[str, str]:
    return {field: info.alias or field for field, info in model.model_fields.items()}


def _model(function: Callable[..., Any], name: str, told: Mapping[str, str]) -> type[BaseModel]:
    """A pydantic model of the function's arguments."""
    fields: dict[str, Any] = {}
    annotations = inspect.get_annotations(function, eval_str=True)
    for each in inspect.signature(function).parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) or each.name in ("self", "cls"):
            continue
        default = ... if each.default is each.empty else each.default
        # A field name of pydantic may not begin with an underscore, an argument's may: the alias carries it.
        described_as: dict[str, Any] = {"description": told[each.name]} if each.name in told else {}
        field = Field(default, alias=each.name, **described_as)
        fields[f"field_{each.name}"] = (annotations.get(each.name, Any), field)
    return create_model(name, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields)


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...


@overload
def tool(*, name: str | None = None, description: str | None = None) -> Callable[[Callable[P, R]], Tool[P, R]]: ...


def tool(function: Any = None, /, *, name: str | None = None, description: str | None = None) -> Any:
    """Make a tool of a function: its JSON schema comes from its signature and its docstring.

    A plain function in ``tools=[…]`` will do as well; the decorator is for a name or a description of one's own.

    Args:
        function: the function; may be async.
        name: what the model calls it; the function's name if left out.
        description: what it is for; the docstring's first part if left out.
    """
    if function is not None:
        return Tool(function)
    return lambda decorated: Tool(decorated, name, description)


class ToolBox:
    """The tools of one call."""

    def __init__(self, given: Sequence[Any]) -> None:
        self.specs: list[Mapping[str, Any]] = []
        self._tools: dict[str, Tool[Any, Any]] = {}
        for each in given:
            if isinstance(each, Mapping):
                self.specs.append(each)
                continue
            made = each if isinstance(each, Tool) else made_of(each)
            self.specs.append(made.spec)
            self._tools[made.name] = made

    def __bool__(self) -> bool:
        return bool(self._tools)

    def bound(self, call: ToolCall, capture: bool | None) -> ToolCall:
        """The call with the function that it asks for, if that is one of these tools.

        `capture` is the inference's own choice whether content is recorded, which its tools follow.
        """
        found = self._tools.get(call.name)
        return call if found is None else replace(call, function=Run(found, call, capture))


@functools.cache
def made_of(function: Callable[..., Any]) -> Tool[Any, Any]:
    """The tool of a plain function; made once, since its schema takes a while."""
    if not callable(function):
        raise TypeError(f"{type(function).__name__} is no tool: give a function or a dict with its JSON schema.")
    return Tool(function)


class Run:
    """One run of a tool, with a span of its own."""

    def __init__(self, tool: Tool[Any, Any], call: ToolCall, capture: bool | None) -> None:
        self._tool = tool
        self._call = call
        self._capture = capture

    def __call__(self, **arguments: Any) -> Any:
        given = self._tool.checked(arguments)
        if inspect.iscoroutinefunction(self._tool.function):
            return self._awaited(given)
        span = self._span(arguments)
        try:
            with span:
                result = self._tool.function(**given)
        except BaseException as error:
            span.fail(error)
            raise
        self._end(span, result)
        return result

    async def _awaited(self, given: Mapping[str, Any]) -> Any:
        span = self._span(self._call.arguments)
        try:
            with span:
                result = await self._tool.function(**given)
        except BaseException as error:
            span.fail(error)
            raise
        self._end(span, result)
        return result

    def _span(self, arguments: Mapping[str, Any]) -> CallSpan:
        attributes: dict[str, Any] = {
            semconv.OPERATION: EXECUTE_TOOL,
            semconv.TOOL_NAME: self._tool.name,
            semconv.TOOL_TYPE: "function",
        }
        if self._tool.description:
            attributes[semconv.TOOL_DESCRIPTION] = self._tool.description
        if self._call.id:
            attributes[semconv.TOOL_CALL_ID] = self._call.id
        span = CallSpan(f"{EXECUTE_TOOL} {self._tool.name}", attributes, SpanKind.INTERNAL, self._capture)
        if span.content is not None:
            given = snapshot(arguments)
            span.content.add(lambda: {semconv.TOOL_CALL_ARGUMENTS: given}, len(str(given)))
        return span

    def _end(self, span: CallSpan, result: Any) -> None:
        if span.content is not None:
            kept = snapshot(result)
            span.content.add(lambda: {semconv.TOOL_CALL_RESULT: kept}, len(str(kept)))
        span.end()


def complaint(call: ToolCall, error: Exception | None = None) -> str:
    """What to tell the model about a call that cannot be run: it is the model's mistake, and the model's to mend."""
    if isinstance(error, ValidationError):
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return f"The arguments of {call.name} do not fit its schema: {problems}"
    if call.function is None:
        return f"There is no tool {call.name}."
    return f"The arguments of {call.name} are no JSON object."
