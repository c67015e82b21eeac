"""Every place of a span in which text can be, and all text that a span has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote, unquote_plus, urlencode

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from llmtrace import semconv
from llmtrace.pipeline.ended import EndedSpan

CONTEXT: Final = SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, is_remote=False)


def span(
    name: str = "recommend_book",
    attributes: Mapping[str, Any] | None = None,
    events: tuple[Event, ...] = (),
    links: tuple[Link, ...] = (),
    status: Status | None = None,
    resource: Resource | None = None,
    scope: InstrumentationScope | None = None,
) -> EndedSpan:
    """A span that ended, as the pipeline hands it to filters."""
    return EndedSpan(
        name,
        CONTEXT,
        None,
        resource or Resource({"service.name": "shop"}),
        dict(attributes or {}),
        events,
        links,
        SpanKind.CLIENT,
        None,
        status or Status(StatusCode.UNSET),
        1_700_000_000_000_000_000,
        1_700_000_001_000_000_000,
        scope or InstrumentationScope("llmtrace"),
    )


def message(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def with_attribute(name: str, value: Any) -> EndedSpan:
    return span(attributes={semconv.REQUEST_MODEL: "gpt-4o-mini", name: value, semconv.USAGE_INPUT_TOKENS: 12})


def with_event(name: str, attributes: Mapping[str, Any]) -> EndedSpan:
    return span(events=(Event("first", {"n": 1}, 1), Event(name, attributes, 2)))


def _query(**fields: Any) -> str:
    return urlencode(fields, errors="surrogatepass")


PLACES: Final[Mapping[str, Callable[[str], EndedSpan]]] = {
    "message": lambda text: with_attribute(semconv.INPUT_MESSAGES, [message("Hello"), message(text)]),
    "answer": lambda text: with_attribute(semconv.OUTPUT_MESSAGES, [message(text, "assistant")]),
    "reasoning": lambda text: with_attribute(
        semconv.OUTPUT_MESSAGES, [{"role": "assistant", "parts": [{"type": "reasoning", "content": text}]}]
    ),
    "messages as JSON": lambda text: with_attribute(semconv.INPUT_MESSAGES, json.dumps([message(text)])),
    "system instructions": lambda text: with_attribute(
        semconv.SYSTEM_INSTRUCTIONS, [{"type": "text", "content": text}]
    ),
    "arguments of a tool": lambda text: with_attribute(semconv.TOOL_CALL_ARGUMENTS, {"query": {"where": [text, 1]}}),
    "arguments of a tool as JSON": lambda text: with_attribute(
        semconv.OUTPUT_MESSAGES,
        [{"role": "assistant", "parts": [{"type": "tool_call", "arguments": json.dumps({"q": text})}]}],
    ),
    "result of a tool": lambda text: with_attribute(semconv.TOOL_CALL_RESULT, text),
    "result of a tool as JSON": lambda text: with_attribute(semconv.TOOL_CALL_RESULT, json.dumps({"rows": [[text]]})),
    "definition of a tool": lambda text: with_attribute(semconv.TOOL_DEFINITIONS, [{"name": "f", "description": text}]),
    "variable of a template": lambda text: with_attribute(semconv.PROMPT_VARIABLE + "genre", text),
    "template": lambda text: with_attribute(semconv.PROMPT_TEMPLATE, f"USER: {text}"),
    "parameter of a URL": lambda text: with_attribute(
        "url.full", f"https://shop.example/search?q={quote(text, errors='surrogatepass')}&page=2"
    ),
    "field of a form": lambda text: with_attribute("url.query", _query(page=2, q=text)),
    "URL in a URL": lambda text: with_attribute("url.query", _query(next=f"/search?{_query(q=text)}")),
    "text attribute": lambda text: with_attribute("shop.note", text),
    "list of texts": lambda text: with_attribute("shop.notes", ("one", text)),
    "bytes": lambda text: with_attribute("shop.blob", text.encode()),
    "JSON in JSON in JSON": lambda text: with_attribute("x", json.dumps({"a": json.dumps([json.dumps({"b": text})])})),
    "escaped JSON": lambda text: with_attribute(
        "x", json.dumps({"a": text}).replace("s", "\\u0073").replace("/", "\\/")
    ),
    "part of JSON": lambda text: with_attribute("x", "data: " + json.dumps({"a": text})[:-1]),
    "key of an attribute": lambda text: with_attribute(semconv.METADATA + text, "x"),
    "key in content": lambda text: with_attribute(semconv.TOOL_CALL_ARGUMENTS, {"seen": {text: 1}}),
    "tag": lambda text: with_attribute(semconv.TAGS, ("beta", text)),
    "metadata": lambda text: with_attribute(semconv.METADATA + "note", text),
    "name of the span": lambda text: span(text),
    "status": lambda text: span(status=Status(StatusCode.ERROR, f"ValueError: {text}")),
    "message of an exception": lambda text: with_event("exception", {semconv.EXCEPTION_MESSAGE: text}),
    "stack trace": lambda text: with_event(
        "exception", {semconv.EXCEPTION_STACKTRACE: f"Traceback:\n  x()\nE: {text}\n"}
    ),
    "name of an event": lambda text: with_event(text, {}),
    "event of an older dialect": lambda text: with_event(
        "gen_ai.content.prompt", {"gen_ai.prompt": json.dumps([text])}
    ),
    "link": lambda text: span(links=(Link(CONTEXT, {"why": text}),)),
    "resource": lambda text: span(resource=Resource({"process.command_line": text})),
    "scope": lambda text: span(scope=InstrumentationScope(text, text, text)),
    "attribute of the scope": lambda text: span(scope=InstrumentationScope("shop", attributes={"for": text})),
}


def texts(value: Any) -> Iterator[str]:
    """All texts in `value`, those of JSON within texts too."""
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, str):
        yield value
        for plain in {unquote(value), unquote_plus(value)} if "%" in value else ():
            yield from texts(plain) if plain != value and "%" in plain else (plain,)
        yield from texts(decoded) if (decoded := _decoded(value)) is not None else ()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts(item)


def _decoded(text: str) -> Any:
    try:
        decoded = json.loads(text)
    except ValueError:
        return None
    return decoded if isinstance(decoded, (list, dict, str)) else None


def texts_of(ended: EndedSpan) -> str:
    """All text of a span, as filters leave it and as it is exported."""
    scope = ended.instrumentation_scope
    parts = [
        scope and [scope.name, scope.version, scope.schema_url, dict(scope.attributes or {})],
        ended.name,
        ended.attributes,
        ended.for_export().attributes,
        ended.status.description,
        dict(ended.resource.attributes),
        *([event.name, dict(event.attributes or {})] for event in ended.events),
        *(dict(link.attributes or {}) for link in ended.links),
    ]
    return "\n".join(texts(parts))
