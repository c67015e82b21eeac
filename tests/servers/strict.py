"""What OpenAI's strict mode refuses of a JSON schema, from the host's side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

LACKED: Final = frozenset(
    "default oneOf allOf not prefixItems discriminator patternProperties propertyNames minProperties maxProperties "
    "minLength maxLength uniqueItems contains unevaluatedItems".split()
)
FORMATS: Final = frozenset("date-time time date duration email hostname ipv4 ipv6 uuid".split())
KINDS: Final = ("type", "anyOf", "$ref")


def objection(schema: Any) -> str | None:
    """Why a schema is refused."""
    if schema.get("type") != "object":
        return "schema: the root has to be an object"
    return next(_wrong(schema, "schema"), None)


def _wrong(schema: Any, path: str) -> Iterator[str]:
    if not isinstance(schema, Mapping) or not any(kind in schema for kind in KINDS):
        yield f"{path}: a schema must have a 'type' key"
        return
    yield from (f"{path}: {word!r} is not permitted" for word in sorted(LACKED & schema.keys()))
    if "$ref" in schema and len(schema) > 1:
        yield f"{path}: $ref cannot have keywords beside it"
    if schema.get("format", "date") not in FORMATS:
        yield f"{path}: {schema['format']!r} is not a valid format"
    if "(?" in schema.get("pattern", ""):
        yield f"{path}: the pattern looks around"
    if schema.get("type") == "object":
        names = sorted(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or sorted(schema.get("required", ())) != names:
            yield f"{path}: 'additionalProperties' is required to be false, and all properties to be required"
    elif schema.get("type") == "array" and "items" not in schema:
        yield f"{path}: array schema missing items"
    for place, each in _inside(schema):
        yield from _wrong(each, f"{path}.{place}")


def _inside(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from schema.get("properties", {}).items()
    yield from schema.get("$defs", {}).items()
    yield from ((str(number), each) for number, each in enumerate(schema.get("anyOf", ())))
    if "items" in schema:
        yield "items", schema["items"]
