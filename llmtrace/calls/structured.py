"""Answers that are data: the schema that is asked for, and what is made of the answer."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from llmtrace.calls.strict import strict
from llmtrace.exceptions import OutputError
from llmtrace.jsontext import as_json
from llmtrace.providers.base import Choice, Schema

T = TypeVar("T")

FENCED: Final = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
WRAPPED: Final = "value"


class Parser(Generic[T]):
    """Asks for an answer of one type and reads it.

    A type whose schema is no object (a list, a number) is asked for as the only property of one, since that is what
    providers with strict schemas take.
    """

    def __init__(self, type_: type[T] | Any) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(type_)
        schema = self._adapter.json_schema()
        self._wrapped = schema.get("type") != "object"
        if self._wrapped:
            defs = schema.pop("$defs", None)
            schema = {"type": "object", "properties": {WRAPPED: schema}, "required": [WRAPPED]}
            if defs:
                schema["$defs"] = defs
        closed = strict(schema)
        self.schema = Schema(_name(type_), closed or schema, schema.get("description"), closed is not None)

    def told(self, choice: Choice) -> Choice:
        """The choice with the answer for its text, where that came as the input of a tool, which is no call of ours."""
        calls = [call for call in choice.tool_calls if call.name != self.schema.name]
        if len(calls) == len(choice.tool_calls):
            return choice
        given = next(call for call in choice.tool_calls if call.name == self.schema.name)
        text = as_json(given.arguments) if given.raw_arguments is None else given.raw_arguments
        return replace(choice, text=text, tool_calls=calls, native=None)

    def read(self, text: str) -> T:
        """The value that the text of an answer holds.

        Raises:
            OutputError: it holds none of the type that was asked for.
        """
        try:
            return self._from_text(text)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'the answer'}: {each['msg']}"
                for each in error.errors(include_input=False, include_url=False)
            )
            raise OutputError(f"The answer does not fit {self.schema.name}: {problems}") from None

    def _from_text(self, text: str) -> T:
        fenced = FENCED.match(text)
        if fenced is not None:
            text = fenced[1]
        if not self._wrapped:
            return self._adapter.validate_json(text)
        data = TypeAdapter(Any).validate_json(text)
        if isinstance(data, dict) and WRAPPED in data:
            data = data[WRAPPED]
        return self._adapter.validate_python(data)


def _name(type_: Any) -> str:
    """A name for the schema, of the letters that providers take."""
    named: str = getattr(type_, "__name__", None) or str(type_)
    return re.sub(r"\W+", "_", named, flags=re.ASCII).strip("_")[:60] or "answer"


@functools.lru_cache(maxsize=256)
def _cached(type_: Any) -> Parser[Any]:
    return Parser(type_)


def parser_of(type_: Any) -> Parser[Any]:
    """The parser of a type, made once: schemas take a while."""
    try:
        return _cached(type_)
    except TypeError:  # a type that can't be hashed
        return Parser(type_)
