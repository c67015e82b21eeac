"""The list of Recent spans: pages by key and never by count, and a bounded look back however rare the rows are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property

from llmtrace.dashboard.addresses import url_of
from llmtrace.dashboard.filters import Filter, Since
from llmtrace.dashboard.open import Open, open_spans
from llmtrace.dashboard.search import finds_by_index
from llmtrace.dashboard.stored import stored
from llmtrace.dashboard.when import full
from llmtrace.models import Span

BEFORE: Final = "before"
LOOKS: Final = (2_000, 100_000)  # rows that are looked at: first a few, since they are mostly enough


@dataclass(frozen=True)
class Place:
    """A place in the list: after the span of that begin and key."""

    started_at: datetime
    key: int = 0

    @classmethod
    def read(cls, query: QueryDict) -> Place | None:
        """The place in a query string, None for none and for nonsense."""
        moment, _, key = query.get(BEFORE, "").rpartition("~")
        try:
            started_at = parse_datetime(moment)
            place = None if started_at is None else cls(started_at, int(key))
        except ValueError:
            return None
        return place if place and place._makes_sense() else None

    def _makes_sense(self) -> bool:
        """Whether there can be such a span; times at the ends of the calendar can't be turned into another zone's."""
        zoned = timezone.is_aware(self.started_at) == settings.USE_TZ
        return zoned and 1970 <= self.started_at.year < 9999 and 0 <= self.key < 1 << 63

    def __str__(self) -> str:
        return f"{self.started_at.isoformat()}~{self.key}"

    def after(self, spans: QuerySet[Span]) -> QuerySet[Span]:
        """Those of `spans` that come after this place. Its form lets an index on the begin serve it."""
        return spans.filter(started_at__lte=self.started_at).exclude(started_at=self.started_at, id__gte=self.key)


class RecentSpans(ChangeList):
    """Newest first; the address of a page names the span that it comes after.

    Where an index can't lead to the rows that are asked for, only so many spans are looked at for one page, and a link
    looks further back.
    """

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.place = Place.read(request.GET)
        self.older: Place | None = None
        self.further: Place | None = None
        self.request = request
        super().__init__(request, *args, **kwargs)
        self.params.pop(BEFORE, None)  # a new search begins with the newest

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return {name: value for name, value in super().get_filters_params(params).items() if name != BEFORE}

    def get_query_string(self, new_params: dict[str, Any] | None = None, remove: Iterable[str] | None = None) -> str:
        return super().get_query_string(new_params, [*(remove or ()), BEFORE])

    def get_results(self, request: HttpRequest) -> None:
        rows, floor = self._page()
        shown = rows[: self.list_per_page]
        if len(rows) > len(shown):
            self.older = Place(shown[-1].started_at, shown[-1].pk)
        elif floor is not None:
            self.further = Place(floor)
        self.result_list, self.result_count, self.full_result_count = shown, len(shown), len(shown)
        self.show_full_result_count = self.can_show_all = self.multi_page = self.show_admin_actions = False

    def _page(self) -> tuple[list[Span], datetime | None]:
        """The rows of this page and one more if there is one, and how far back they were looked for, None for all."""
        spans, one_more = self._behind(self.queryset), self.list_per_page + 1
        if not self._searches():
            return list(spans[:one_more]), None
        rows, floor = [], None
        for look in LOOKS:
            floor = self._begin_of(look)
            rows = list((spans if floor is None else spans.filter(started_at__gte=floor))[:one_more])
            if floor is None or len(rows) == one_more:
                break
        return rows, floor

    def _behind(self, spans: QuerySet[Span]) -> QuerySet[Span]:
        return spans if self.place is None else self.place.after(spans)

    def _searches(self) -> bool:
        """Whether rows are asked for to which no index leads."""
        specs = [spec for spec in self.filter_specs if isinstance(spec, Filter) and not isinstance(spec, Since)]
        conditions = [spec for spec in specs if spec.chosen() not in ("", "all")]
        by_scan = any(spec.searches() for spec in conditions) or len(conditions) > 1
        return by_scan or bool(self.query.strip() and not finds_by_index(self.query))

    def _begin_of(self, look: int) -> datetime | None:
        """When the last of the next `look` spans began, read from the index alone; None if there are not so many."""
        spans: QuerySet[Span] = stored().recent()
        for spec in self.filter_specs:
            spans = spec.queryset(self.request, spans) if isinstance(spec, Since) else spans
        return next(iter(self._behind(spans).values_list("started_at", flat=True)[look - 1 : look]), None)

    def url_for_result(self, result: Any) -> str:
        return url_of(self.model_admin.admin_site, result.trace_id, result.span_id)

    @property
    def older_query(self) -> str | None:
        """The address of the next page."""
        return None if self.older is None else self.get_query_string({BEFORE: str(self.older)})

    @property
    def further_query(self) -> str | None:
        """The address of the page that looks further back than this one did."""
        return None if self.further is None else self.get_query_string({BEFORE: str(self.further)})

    @property
    def looked_back_to(self) -> str:
        """When the last span began that was looked at."""
        return "" if self.further is None else full(self.further.started_at)

    @property
    def newest_query(self) -> str:
        """The address of the first page."""
        return self.get_query_string()

    @cached_property
    def open_spans(self) -> list[Open]:
        """Spans that have not ended, on the first page of a list that is not narrowed down."""
        narrowed = self.place or self.query.strip() or self.get_filters_params()
        return [] if narrowed else open_spans(self.model_admin.admin_site)

    @cached_property
    def nothing_stored(self) -> bool:
        """Whether the store has no span at all."""
        return not self.result_list and not stored().exists()
