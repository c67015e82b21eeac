"""The filters of Recent spans. None of them counts, and none reads more of the table than its newest rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar, Final

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from llmtrace.dashboard.kinds import CALLS, FAILED
from llmtrace.dashboard.plaintext import one_line
from llmtrace.dashboard.stored import stored
from llmtrace.models import Span

SLOW_MS: Final = 5_000
EXPENSIVE_NANO_USD: Final = 10_000_000
NARROWING: Final = ("operation", "job_state", "attempts", "queue_time")  # parameters that other spans than calls have
_RECENT: Final = "llmtrace.recent_values"
SAMPLE: Final = 2_000  # of the newest spans: their values are the choices

Choices = list[tuple[str, Any]]  # a value and its label, which is translated late


class Filter(SimpleListFilter):
    """A filter by one parameter of the query string."""

    template = "admin/llmtrace/filter.html"
    parameter_name: str
    indexed = False  # whether an index of `Span` finds the newest rows of a value, however rare they are

    def chosen(self) -> str:
        """The value in force, empty for none. NUL is taken out: PostgreSQL refuses it."""
        return (self.value() or "").replace("\0", "")

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Span]) -> QuerySet[Span]:
        return queryset.filter(self.condition(self.chosen())) if self.chosen() else queryset

    def condition(self, value: str) -> Q:
        """What the rows of a value have in common."""
        return Q((self.parameter_name, value))

    def searches(self) -> bool:
        """Whether the database has to look at rows that the list does not show."""
        return bool(self.chosen()) and not self.indexed


class Show(Filter):
    """What kind of spans; calls unless said otherwise, all kinds where a search or `NARROWING` does so."""

    title = _("Show")
    parameter_name = "show"
    CONDITIONS: ClassVar[dict[str, Q]] = {
        "calls": Q(operation__in=CALLS),
        "all": Q(),
        "errors": Q(status=FAILED),
        "slow": Q(operation__in=CALLS, duration_ms__gte=SLOW_MS),
        "expensive": Q(cost_nano_usd__gte=EXPENSIVE_NANO_USD),
        "requests": Q(kind="SERVER"),
        "jobs": Q(kind="CONSUMER"),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            ("calls", _("Calls")),
            ("all", _("Everything")),
            ("errors", _("Errors")),
            ("slow", _("Slow calls, 5 s and more")),
            ("expensive", _("Expensive, $0.01 and more")),
            ("requests", _("Requests")),
            ("jobs", _("Jobs")),
        ]

    def chosen(self) -> str:
        value = super().chosen()
        if value in self.CONDITIONS:
            return value
        asked = self.request.GET
        return "all" if asked.get(SEARCH_VAR) or any(name in asked for name in NARROWING) else "calls"

    def condition(self, value: str) -> Q:
        return self.CONDITIONS[value]

    def searches(self) -> bool:
        return self.chosen() not in ("all", "errors")

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, label in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": value == self.chosen(), "query_string": query, "display": label}


class Since(Filter):
    """How far back."""

    title = _("Since")
    parameter_name = "since"
    indexed = True
    SPANS: ClassVar[dict[str, timedelta]] = {
        "15m": timedelta(minutes=15),
        "1h": timedelta(hours=1),
        "24h": timedelta(days=1),
        "7d": timedelta(days=7),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("15m", _("15 minutes")), ("1h", _("1 hour")), ("24h", _("24 hours")), ("7d", _("7 days"))]

    def condition(self, value: str) -> Q:
        return Q(started_at__gte=timezone.now() - self.SPANS[value]) if value in self.SPANS else Q()


class Recent(Filter):
    """A column's values among the newest spans; any other value may stand in the address."""

    indexed = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        values = recent_values(request)[self.parameter_name]
        return [(value, one_line(value, 60)) for value in sorted({*values, self.chosen()} - {""})]


class Operation(Recent):
    title = _("Operation")
    parameter_name = "operation"


class Model(Recent):
    title = _("Model")
    parameter_name = "model"


class Service(Recent):
    title = _("Service")
    parameter_name = "service"


class Status(Filter):
    """How spans ended: without an error, with one, or as a stream that was left."""

    title = _("Status")
    parameter_name = "status"
    CONDITIONS: ClassVar[dict[str, Q]] = {
        "ok": ~Q(status=FAILED),
        "error": Q(status=FAILED),
        **{outcome: Q(outcome=outcome) for outcome in ("cancelled", "abandoned", "cut_short")},
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            ("ok", _("Ok")),
            ("error", _("Error")),
            ("cancelled", _("Cancelled")),
            ("abandoned", _("Abandoned")),
            ("cut_short", _("Cut short")),
        ]

    def condition(self, value: str) -> Q:
        return self.CONDITIONS.get(value, Q())

    def searches(self) -> bool:
        return self.chosen() not in ("", "error")


class JobState(Recent):
    """How the attempts of jobs ended, in the words of Celery or of Django's tasks."""

    title = _("Task state")
    parameter_name = "job_state"
    indexed = False


class OfJobs(Filter):
    """A filter that is there where jobs are."""

    CHOICES: ClassVar[Choices]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        seen = recent_values(request)["job_state"] - {""}
        return self.CHOICES if seen or self.parameter_name in request.GET else []


class Attempts(OfJobs):
    """Which attempt of its job a run was."""

    title = _("Attempts")
    parameter_name = "attempts"
    CHOICES: ClassVar[Choices] = [("1", _("First")), ("2", _("Second and later")), ("5", _("Fifth and later"))]

    def condition(self, value: str) -> Q:
        jobs = Q(kind="CONSUMER")
        if value == "1":
            return jobs & Q(job_attempt=1)
        return jobs & Q(job_attempt__gte=int(value)) if value in dict(self.CHOICES) else Q()


class QueueTime(OfJobs):
    """How long the messages of jobs waited in their queue."""

    title = _("Queue time")
    parameter_name = "queue_time"
    AT_LEAST_MS: ClassVar[dict[str, float]] = {"1s": 1_000, "10s": 10_000, "1min": 60_000, "10min": 600_000}
    CHOICES: ClassVar[Choices] = [
        ("1s", _("1 s and more")),
        ("10s", _("10 s and more")),
        ("1min", _("1 minute and more")),
        ("10min", _("10 minutes and more")),
    ]

    def condition(self, value: str) -> Q:
        return Q(job_queue_ms__gte=self.AT_LEAST_MS[value]) if value in self.AT_LEAST_MS else Q()


class Exactly(Filter):
    """One value of a column that has too many of them to offer: links lead here, and the filter shows how to leave."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(self.chosen(), one_line(self.chosen(), 60))] if self.chosen() else []


class User(Exactly):
    title = _("User")
    parameter_name = "user_id"
    indexed = True


class Session(Exactly):
    title = _("Session")
    parameter_name = "session_id"


class Conversation(Exactly):
    title = _("Conversation")
    parameter_name = "conversation_id"
    indexed = True


FILTERS: Final = (
    *(User, Session, Conversation, Show, Since, Model, Operation, Status, Service, JobState, Attempts, QueueTime),
)
PARAMETERS: Final = frozenset(each.parameter_name for each in FILTERS)


def recent_values(request: HttpRequest) -> dict[str, set[str]]:
    """The values of each column among the newest spans, asked for once a request."""
    known: dict[str, set[str]] | None = request.META.get(_RECENT)
    if known is None:
        known = {"operation": set(), "model": set(), "service": set(), "job_state": set()}
        for row in stored().recent().values(*known)[:SAMPLE]:
            for column, value in row.items():
                known[column].add(value or "")
        request.META[_RECENT] = known
    return known
