"""Deletes what is older than the settings allow, in steps so short that nobody waits for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from llmtrace.models import Ledger, RunningSpan, Span, SpanContent, SpanQuerySet

BATCH: Final = 1000
TRIES: Final = 5


@dataclass(frozen=True)
class Pruned:
    """How many spans went, and of how many the content alone."""

    spans: int
    contents: int


@dataclass(frozen=True)
class Retention:
    """Ages in days after which a span, or its content alone, goes; None keeps it."""

    days: int | None
    content_days: int | None
    database: str

    def due(self, now: datetime | None = None) -> Pruned:
        """What `prune` would delete."""
        spans, contents = self._limits(now)
        old = 0 if spans is None else self._spans().before(spans).count()
        if contents is None:
            return Pruned(old, 0)
        stale = SpanContent.objects.using(self.database).filter(span__started_at__lt=contents)
        return Pruned(old, (stale if spans is None else stale.filter(span__started_at__gte=spans)).count())

    def prune(self, now: datetime | None = None, batch: int = BATCH) -> Pruned:
        """Delete what is due, `batch` spans in a transaction. The host's signal handlers don't hear of it."""
        limit, content_limit = self._limits(now)
        spans = contents = 0
        if limit is not None:
            while ids := list(
                self._spans().before(limit).order_by("started_at", "id").values_list("id", flat=True)[:batch]
            ):
                spans += self._in_its_turn(partial(self._delete, ids))
            self._forget_processes(limit)
        if content_limit is not None:
            windows = self._windows(content_limit, batch)
            contents = sum(self._in_its_turn(partial(self._delete_contents, ids)) for ids in windows)
        return Pruned(spans, contents)

    def _forget_processes(self, limit: datetime) -> None:
        """Delete what processes have said of themselves that have not been heard of since `limit`."""
        for model in (Ledger, RunningSpan):
            model._default_manager.using(self.database).filter(seen_at__lt=limit)._raw_delete(self.database)

    def _limits(self, now: datetime | None) -> tuple[datetime | None, datetime | None]:
        now = now or timezone.now()
        days, content_days = self.days, self.content_days
        if days is not None and content_days is not None and content_days >= days:
            content_days = None  # it goes with its span
        return (
            None if days is None else now - timedelta(days=days),
            None if content_days is None else now - timedelta(days=content_days),
        )

    def _windows(self, limit: datetime, batch: int) -> Iterator[list[int]]:
        """The ids of all spans before `limit`, read from the index alone: content knows no time of its own."""
        spans = self._spans().before(limit).order_by("started_at", "id")
        window = list(spans.values_list("started_at", "id")[:batch])
        while window:
            yield [id for _, id in window]
            moment, last = window[-1]
            later = Q(started_at__gt=moment) | Q(started_at=moment, id__gt=last)
            window = list(spans.filter(later, started_at__gte=moment).values_list("started_at", "id")[:batch])

    def _in_its_turn(self, step: Callable[[], int]) -> int:
        """Do a step in a transaction, again where the database ends it in favour of another that it had locked out."""
        for tries_left in reversed(range(TRIES)):
            try:
                with transaction.atomic(using=self.database):
                    return step()
            except OperationalError:
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _delete(self, ids: list[int]) -> int:
        self._delete_contents(ids)
        return self._spans().filter(id__in=ids)._raw_delete(self.database)

    def _delete_contents(self, ids: list[int]) -> int:
        return SpanContent.objects.using(self.database).filter(pk__in=ids)._raw_delete(self.database)

    def _spans(self) -> SpanQuerySet:
        return Span.objects.using(self.database)
