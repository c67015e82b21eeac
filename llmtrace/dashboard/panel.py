"""The panel beside the waterfall: all that is known of the span that was selected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmtrace import semconv
from llmtrace.dashboard import details, events, figures
from llmtrace.dashboard.chord import Chord, chord_of
from llmtrace.dashboard.conversation import Bubble, conversation_of
from llmtrace.dashboard.kinds import FAILED, LABELS, OPEN, OUTCOMES, Kind, kind_of
from llmtrace.dashboard.parts import MAX_TEXT
from llmtrace.dashboard.plaintext import Text, bounded, one_line, parsed, written
from llmtrace.dashboard.trace import Trace, attributes_of, content_of, events_of, links_of
from llmtrace.models import Span


@dataclass(frozen=True)
class Usage:
    """Tokens and cost, ready to show; empty where unknown."""

    input: str
    cached: str
    written: str
    output: str
    reasoning: str
    cost: str

    def __bool__(self) -> bool:
        return bool(self.input or self.output or self.cost)


@dataclass(frozen=True)
class Prompt:
    """The prompt that a call was made from."""

    name: str
    version: str
    template: Text | None
    variables: list[details.Fact]

    def __bool__(self) -> bool:
        return bool(self.name or self.template or self.variables)


@dataclass(frozen=True)
class Link:
    """Another span that this one names."""

    trace_id: str
    span_id: str
    facts: list[details.Fact]


@dataclass(frozen=True)
class Panel:
    """One span; what was said in it only where `readable`."""

    span: Span
    kind: Kind
    label: str
    name: str
    model: str
    provider: str
    error_type: str
    failed: bool
    outcome: str
    duration: str
    first_chunk: str
    error: str
    readable: bool
    has_content: bool
    conversation: list[Bubble]
    tool_arguments: Text | None
    tool_result: Text | None
    prompt: Prompt
    usage: Usage
    parameters: list[details.Fact]
    attempts: list[events.Attempt]
    problems: list[events.Problem]
    error_text: str
    other_content: list[details.Fact]
    happenings: list[events.Happening]
    chord: Chord
    links: list[Link]
    attributes: list[details.Fact]


def panel_of(trace: Trace, span: Span, readable: bool) -> Panel:
    """All that the page tells about `span`; `readable` is whether the reader may know what was said."""
    content = content_of(span) if readable else {}
    attributes = attributes_of(span, readable)
    happened, said = events_of(span, readable), content.get("events")
    said = said if isinstance(said, dict) else {}
    failed, kind = span.status == FAILED, kind_of(span.kind, span.operation)
    return Panel(
        span=span,
        kind=kind,
        label=LABELS[kind],
        name=one_line(span.name) or "–",
        model=one_line(span.model or ""),
        provider=one_line(span.provider or ""),
        error_type=one_line(span.error_type or "", 255),
        failed=failed,
        outcome=(OUTCOMES | OPEN).get(span.outcome or "", ""),
        duration=figures.duration(span.duration_ms),
        first_chunk=figures.duration(span.first_chunk_ms),
        error=one_line(figures.short_class(span.error_type or "")),
        readable=readable,
        has_content=bool(content),
        conversation=conversation_of(content, _tool_times(trace)),
        tool_arguments=_data(content.get(semconv.TOOL_CALL_ARGUMENTS)),
        tool_result=_data(content.get(semconv.TOOL_CALL_RESULT)),
        prompt=_prompt(attributes, content),
        usage=_usage(span, attributes),
        parameters=details.parameters(attributes),
        attempts=events.attempts(happened, failed=failed, error_type=span.error_type),
        problems=events.problems(happened, said),
        error_text=details.error_text(content),
        other_content=details.other_content(content),
        happenings=events.happenings(happened, said),
        chord=chord_of(trace, span),
        links=[_link(link) for link in links_of(span)[: events.MAX_EVENTS]],
        attributes=details.facts(attributes),
    )


def _tool_times(trace: Trace) -> dict[str, str]:
    """How long each tool of the trace ran, by the id of the call that the model asked for."""
    ids = ((attributes_of(span).get(semconv.TOOL_CALL_ID), span) for span in trace.spans)
    return {str(call): figures.duration(span.duration_ms) for call, span in ids if call}


def _data(value: Any) -> Text | None:
    return None if value is None else bounded(written(parsed(value)), MAX_TEXT)


def _prompt(attributes: Mapping[str, Any], content: Mapping[str, Any]) -> Prompt:
    return Prompt(
        name=one_line(str(attributes.get(semconv.PROMPT_NAME) or "")),
        version=one_line(str(attributes.get(semconv.PROMPT_VERSION) or "")),
        template=_data(content.get(semconv.PROMPT_TEMPLATE)),
        variables=details.variables(content),
    )


def _usage(span: Span, attributes: Mapping[str, Any]) -> Usage:
    cache_written = attributes.get(semconv.USAGE_CACHE_WRITE)
    return Usage(
        input=_grouped(span.input_tokens),
        cached=_grouped(span.cached_tokens),
        written=_grouped(cache_written if type(cache_written) is int else None),
        output=_grouped(span.output_tokens),
        reasoning=_grouped(span.reasoning_tokens),
        cost=figures.exact_cost(span.cost_nano_usd),
    )


def _grouped(number: int | None) -> str:
    return "" if number is None else figures.grouped(number)


def _link(link: Mapping[str, Any]) -> Link:
    told = link.get("attributes")
    trace_id, span_id = (one_line(str(link.get(key) or ""), 40) for key in ("trace_id", "span_id"))
    return Link(trace_id, span_id, details.facts(told) if isinstance(told, dict) else [])
