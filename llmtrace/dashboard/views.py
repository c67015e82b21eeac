"""The trace page, and a trace as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from llmtrace import semconv
from llmtrace.dashboard import figures
from llmtrace.dashboard.download import trace_as_json
from llmtrace.dashboard.lines import lines_of
from llmtrace.dashboard.linked import nodes_of, whole
from llmtrace.dashboard.pages import may_view_content, may_view_spans, page_context
from llmtrace.dashboard.panel import panel_of
from llmtrace.dashboard.plaintext import one_line
from llmtrace.dashboard.story import story_of
from llmtrace.dashboard.trace import MAX_SPANS, Trace, attributes_of, load
from llmtrace.dashboard.tree import Placed, arrange
from llmtrace.dashboard.waterfall import scale_of, ticks_of
from llmtrace.dashboard.when import full, local
from llmtrace.models import Span


@require_safe
def trace_page(request: HttpRequest, site: AdminSite, trace_id: str) -> HttpResponse:
    """The page of one trace; ``?span=`` selects a span.

    Raises:
        PermissionDenied: the user may not view spans.
    """
    context = {
        **page_context(request, site),
        "trace_id": trace_id,
        "short_id": figures.short_id(trace_id),
    }
    trace = load(trace_id, _asked_for(request))
    if trace is None:
        context["title"] = _("No such trace")
        return TemplateResponse(request, "admin/llmtrace/no_trace.html", context, status=404)
    return TemplateResponse(request, "admin/llmtrace/trace.html", {**context, **_context(request, site, trace)})


def _asked_for(request: HttpRequest) -> str | None:
    """The id of the span that the address names; NUL is taken out, since PostgreSQL refuses it."""
    span_id = request.GET.get("span")
    return None if span_id is None else span_id.replace("\0", "")


def _context(request: HttpRequest, site: AdminSite, trace: Trace) -> dict[str, Any]:
    trace = whole(trace)
    placed = arrange(nodes_of(trace.spans))
    span = trace.span(_asked_for(request) or "") or _worth_reading(trace, placed)
    scale = scale_of(place.node for place in placed)
    root = placed[0].node
    return {
        "title": one_line(root.name) or "–",
        "with_jobs": root.kind == "request" and any(place.node.kind == "job" for place in placed),
        "started": full(trace.spans[0].started_at),
        "started_iso": local(trace.spans[0].started_at).isoformat(),
        "chips": _chips(site, trace.spans),
        "story": _shown(placed),
        "lines": lines_of(placed, scale, span.span_id),
        "ticks": ticks_of(scale),
        "panel": panel_of(trace, span, may_view_content(request)),
        "more": trace.more,
        "limit": MAX_SPANS,
    }


def _worth_reading(trace: Trace, placed: Sequence[Placed]) -> Span:
    """The first call of its own in the order of the tree; where there is none, the root."""
    own = {span.span_id for span in trace.spans if span.trace_id == trace.trace_id}
    calls = (place.node for place in placed if place.node.kind == "call" and place.node.span_id in own)
    span = trace.span(next(calls, placed[0].node).span_id)
    assert span is not None  # each node was made from a span of the trace
    return span


def _shown(placed: Sequence[Placed]) -> dict[str, Any]:
    """The numbers of the strip as texts; what is unknown is empty and has no place there."""
    story = story_of(placed)
    return {
        "whole": figures.duration(story.whole),
        "answer": figures.duration(story.answer),
        "first_chunk": figures.duration(story.first_chunk),
        "calls": story.calls,
        "failed": story.failed,
        "tokens": figures.tokens(story.input_tokens, story.output_tokens),
        "cost": figures.cost(story.cost_nano_usd),
        "unpriced": story.unpriced,
        "waited": figures.duration(story.waited),
    }


def _chips(site: AdminSite, spans: Sequence[Span]) -> dict[str, Any]:
    """Whom and what the trace belongs to; people and conversations lead to the list of their spans."""
    found = reverse("admin:llmtrace_span_changelist", current_app=site.name)
    tags = chain.from_iterable(_texts(attributes_of(span).get(semconv.TAGS)) for span in spans)
    return {
        "services": [one_line(service) for service in _few(span.service for span in spans)],
        "users": _linked(found, "user_id", (span.user_id for span in spans)),
        "sessions": _linked(found, "session_id", (span.session_id for span in spans)),
        "conversations": _linked(found, "conversation_id", (span.conversation_id for span in spans)),
        "tags": ", ".join(one_line(tag, 40) for tag in _few(tags, 10)),
    }


def _few(values: Iterable[str | None], limit: int = 3) -> list[str]:
    return list(islice(dict.fromkeys(value for value in values if value), limit))


def _linked(url: str, name: str, values: Iterable[str | None]) -> list[dict[str, str]]:
    return [
        {
            "url": f"{url}?{urlencode({'show': 'all', name: value})}",
            "text": one_line(_short(value)),
            "title": one_line(value, 255),
        }
        for value in _few(values)
    ]


def _short(value: str) -> str:
    """Names as they are; keys, which nobody reads, by their two ends."""
    return value if len(value) <= 24 else figures.short_id(value)


def _texts(value: Any) -> list[str]:
    value = value if isinstance(value, list) else [value]
    return [item for item in value if isinstance(item, str)]


@require_safe
def trace_json(request: HttpRequest, trace_id: str) -> HttpResponse:
    """A trace as JSON, or one span of it with ``?span=``.

    Raises:
        PermissionDenied: the user may not view spans.
        Http404: nothing of it is stored.
    """
    if not may_view_spans(request):
        raise PermissionDenied
    text = trace_as_json(trace_id, _asked_for(request), may_view_content(request))
    if text is None:
        raise Http404
    return HttpResponse(text, content_type="application/json", headers={"X-Content-Type-Options": "nosniff"})
