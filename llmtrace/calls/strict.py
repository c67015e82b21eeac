"""JSON schemas as strict modes want them: each object closed, all that it has required, and no words that they lack.

Source: OpenAI, Structured model outputs, "Supported schemas". What they lack is told to the model in words, and checked
when the answer is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

WORDS: Final = frozenset(
    "type title description enum const multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minItems "
    "maxItems".split()
)
"""What is taken over as it is."""
TOLD: Final = ("minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties")
"""Limits that the description tells in their place."""
FORMATS: Final = frozenset("date-time time date duration email hostname ipv4 ipv6 uuid".split())
LOOKAROUND: Final = re.compile(r"(?<!\\)\(\?(?:[=!]|<[=!])")
"""Patterns with it make OpenAI fail. Source: pydantic/pydantic-ai#5508."""


class OpenSchema(Exception):
    """A schema has no strict form: it lets values of any kind in."""


def strict(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema's strict form, None where it has none: any value, an object with any keys, a tuple."""
    try:
        return _closed(schema)
    except OpenSchema:
        return None


def _closed(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        raise OpenSchema
    made = {key: value for key, value in schema.items() if key in WORDS}
    if "$defs" in schema:
        made["$defs"] = {name: _closed(each) for name, each in schema["$defs"].items()}
    if "$ref" in schema:
        return _referring({"$ref": schema["$ref"]}, made)
    union = schema.get("anyOf") or schema.get("oneOf")  # one with a discriminator has the latter, which is refused
    if union:
        made["anyOf"] = [_closed(each) for each in union]
    elif "type" not in schema or "allOf" in schema:
        raise OpenSchema
    _close(made, schema)
    _say(made, schema)
    return made


def _referring(ref: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """A reference, which stands alone: with something beside it, it is the only member of a union."""
    return {**beside, "anyOf": [ref]} if beside else ref


def _close(made: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """Close an object, and what an array holds."""
    if schema.get("type") == "object":
        if schema.get("additionalProperties", "properties" not in schema) is not False:
            raise OpenSchema
        made["properties"] = {name: _closed(each) for name, each in schema.get("properties", {}).items()}
        made |= {"required": list(made["properties"]), "additionalProperties": False}
    elif schema.get("type") == "array":
        if "prefixItems" in schema:
            raise OpenSchema
        made["items"] = _closed(schema.get("items"))


def _say(made: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """Keep the form of a text where it is known there; tell limits that are not."""
    if schema.get("format") in FORMATS:
        made["format"] = schema["format"]
    if "pattern" in schema and not LOOKAROUND.search(schema["pattern"]):
        made["pattern"] = schema["pattern"]
    limits = ", ".join(f"{name} {schema[name]}" for name in TOLD if name in schema)
    if limits:
        made["description"] = f"{made['description']} ({limits})" if "description" in made else limits
