"""The admin: Recent spans, the trace page and Health, on the default site; `register` puts them on another one.

Every process with the admin imports this, so the pages are imported when they are opened.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, path, re_path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from llmtrace.dashboard import figures, search
from llmtrace.dashboard.addresses import TRACE_ID, url_of
from llmtrace.dashboard.changelist import RecentSpans
from llmtrace.dashboard.filters import FILTERS, PARAMETERS
from llmtrace.dashboard.kinds import FAILED, LABELS, LEFT, OUTCOMES, kind_of
from llmtrace.dashboard.pages import Health, ReadOnly, Trace
from llmtrace.dashboard.plaintext import one_line
from llmtrace.dashboard.stored import stored
from llmtrace.dashboard.when import clock, full, local
from llmtrace.models import Span


class SpanAdmin(ReadOnly):
    """Recent spans: the newest first, each leading to its place in its trace."""

    list_display = (
        "started",
        "what",
        "answered_by",
        "ended",
        "took",
        "first_chunk",
        "tokens",
        "costs",
        "user",
        "trace",
    )
    list_display_links = ("what",)
    list_filter = FILTERS
    list_per_page = 100
    search_fields = ("trace_id", "span_id", "name", "user_id")
    search_help_text = _("A trace or span id, part of a name, a user, a session or a conversation.")
    ordering = ("-started_at", "-id")
    sortable_by = ()
    actions = None
    preserve_filters = False
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    empty_value_display = ""

    class Media:
        css: ClassVar = {"all": ("llmtrace/llmtrace.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Span]:
        return stored().defer("attributes", "events", "links")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecentSpans

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only the filters: any other lookup could read the whole table, or ask about content by its answers."""
        return lookup in PARAMETERS

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Span], search_term: str
    ) -> tuple[QuerySet[Span], bool]:
        return queryset.filter(search.condition(search_term)), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Recent spans"), **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A span has no page of its own: its trace shows it."""
        if request.method == "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        span = self.get_object(request, object_id)
        if span is None:
            raise Http404
        return HttpResponseRedirect(url_of(self.admin_site, span.trace_id, span.span_id))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Nobody changes a span."""
        return self.change_view(request, object_id)

    @admin.display(description=_("started"))
    def started(self, span: Span) -> SafeString:
        iso = local(span.started_at).isoformat()
        return format_html(
            '<time datetime="{}" title="{}">{}</time>', iso, full(span.started_at), clock(span.started_at)
        )

    @admin.display(description=_("name"))
    def what(self, span: Span) -> SafeString:
        kind = kind_of(span.kind, span.operation)
        return format_html(
            '<span class="lt-mark lt-{}" role="img" aria-label="{}" title="{}"></span>{}',
            "failed" if span.status == FAILED else kind,
            gettext(LABELS[kind]),
            gettext(LABELS[kind]),
            one_line(figures.short_job(span.name) if kind == "job" else span.name, 80) or "–",
        )

    @admin.display(description=_("model"))
    def answered_by(self, span: Span) -> str:
        return one_line(span.model or "", 60)

    @admin.display(description=_("status"))
    def ended(self, span: Span) -> SafeString | str:
        if span.status == FAILED:
            error = span.error_type or gettext("error")
            return format_html(
                '<span class="lt-bad" title="{}">{}</span>', one_line(error), one_line(figures.short_class(error), 40)
            )
        return gettext(OUTCOMES[span.outcome]) if span.outcome in LEFT else gettext("ok")

    @admin.display(description=_("time"))
    def took(self, span: Span) -> str:
        return figures.duration(span.duration_ms)

    @admin.display(description=_("first chunk"))
    def first_chunk(self, span: Span) -> str:
        return figures.duration(span.first_chunk_ms)

    @admin.display(description=_("tokens"))
    def tokens(self, span: Span) -> str:
        return figures.tokens(span.input_tokens, span.output_tokens)

    @admin.display(description=_("cost"))
    def costs(self, span: Span) -> str:
        return figures.cost(span.cost_nano_usd)

    @admin.display(description=_("user"))
    def user(self, span: Span) -> str:
        return one_line(span.user_id or "", 40)

    @admin.display(description=_("trace"))
    def trace(self, span: Span) -> SafeString | str:
        try:
            url = url_of(self.admin_site, span.trace_id)
        except NoReverseMatch:  # an id of another form, which only another writer can have made
            return one_line(span.trace_id, 12)
        return format_html('<a href="{}" title="{}">{}…</a>', url, span.trace_id, span.trace_id[:4])


class TraceAdmin(ReadOnly):
    """The trace page and its JSON; it stands in no menu, since links of Recent spans lead here."""

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return {}

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.list), name="llmtrace_trace_changelist"),
            re_path(f"^(?P<trace_id>{TRACE_ID.pattern})/$", wrap(self.page), name="llmtrace_trace"),
            re_path(f"^(?P<trace_id>{TRACE_ID.pattern})/json/$", wrap(self.json), name="llmtrace_trace_json"),
        ]

    def list(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:llmtrace_span_changelist", current_app=self.admin_site.name))

    def page(self, request: HttpRequest, trace_id: str) -> HttpResponse:
        from llmtrace.dashboard.views import trace_page

        return trace_page(request, self.admin_site, trace_id)

    def json(self, request: HttpRequest, trace_id: str) -> HttpResponse:
        from llmtrace.dashboard.views import trace_json

        return trace_json(request, trace_id)


class HealthAdmin(ReadOnly):
    """The Health page, by its entry in the menu."""

    def get_urls(self) -> list[URLPattern]:
        return [path("", self.admin_site.admin_view(self.page), name="llmtrace_health_changelist")]

    def page(self, request: HttpRequest) -> HttpResponse:
        from llmtrace.dashboard.health import health_page

        return health_page(request, self.admin_site)


def register(site: admin.AdminSite) -> None:
    """Put Recent spans, the trace page and Health on `site`, for projects with an admin site of their own."""
    site.register(Span, SpanAdmin)
    site.register(Trace, TraceAdmin)
    site.register(Health, HealthAdmin)


register(admin.site)
