"""The tables of the store: ended spans, what people and models wrote in them, and what processes say of themselves."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from llmtrace.indexes import KnownIndex

NANO_USD: Final = Decimal(10) ** 9
ERROR: Final = "ERROR"
CALL_OPERATIONS: Final = ("chat", "text_completion", "generate_content", "embeddings")


class SpanQuerySet(models.QuerySet["Span"]):
    """Spans in the words of those who look at them."""

    def recent(self) -> SpanQuerySet:
        """Newest first, in an order that is total, so that pages neither repeat nor skip a span."""
        return self.order_by("-started_at", "-id")

    def errors(self) -> SpanQuerySet:
        """Spans that ended with status ERROR."""
        return self.filter(status=ERROR)

    def calls(self) -> SpanQuerySet:
        """Inferences and embeddings: the spans that carry usage and cost."""
        return self.filter(operation__in=CALL_OPERATIONS)

    def roots(self) -> SpanQuerySet:
        """Spans without a parent: where a trace began."""
        return self.filter(parent_id=None)

    def of_trace(self, trace_id: str) -> SpanQuerySet:
        """The spans of one trace by its id in hex, in the order in which they began."""
        return self.filter(trace_id=trace_id.lower()).order_by("started_at", "id")

    def of_conversation(self, conversation_id: str) -> SpanQuerySet:
        """The spans of one conversation, in the order in which they began."""
        return self.filter(conversation_id=conversation_id).order_by("started_at", "id")

    def of_user(self, user_id: str) -> SpanQuerySet:
        """The spans of one user."""
        return self.filter(user_id=user_id)

    def before(self, moment: datetime) -> SpanQuerySet:
        """Spans that began before `moment`."""
        return self.filter(started_at__lt=moment)

    def with_content(self) -> SpanQuerySet:
        """Fetch what was said along with each span, in the same query."""
        return self.select_related("content")


class Span(models.Model):
    """One ended span. Written by `llmtrace.store.writer` in batches, never by `save()`; read-only in the admin."""

    id = models.BigAutoField(primary_key=True)
    trace_id = models.CharField(_("trace id"), max_length=32)
    span_id = models.CharField(_("span id"), max_length=16)
    parent_id = models.CharField(_("parent id"), max_length=16, null=True)
    name = models.CharField(_("name"), max_length=255)
    kind = models.CharField(_("kind"), max_length=8)
    service = models.CharField(_("service"), max_length=255, null=True)
    started_at = models.DateTimeField(_("started at"))
    duration_ms = models.FloatField(_("duration in ms"))
    status = models.CharField(_("status"), max_length=5)
    error_type = models.CharField(_("error type"), max_length=255, null=True)
    operation = models.CharField(_("operation"), max_length=64, null=True)
    provider = models.CharField(_("provider"), max_length=64, null=True)
    model = models.CharField(_("model"), max_length=255, null=True)
    input_tokens = models.BigIntegerField(_("input tokens"), null=True)
    output_tokens = models.BigIntegerField(_("output tokens"), null=True)
    cached_tokens = models.BigIntegerField(_("cached tokens"), null=True)
    reasoning_tokens = models.BigIntegerField(_("reasoning tokens"), null=True)
    cost_nano_usd = models.BigIntegerField(_("cost in nano-USD"), null=True)
    first_chunk_ms = models.FloatField(_("first chunk after ms"), null=True)
    outcome = models.CharField(_("outcome"), max_length=16, null=True)
    user_id = models.CharField(_("user id"), max_length=255, null=True)
    session_id = models.CharField(_("session id"), max_length=255, null=True)
    conversation_id = models.CharField(_("conversation id"), max_length=255, null=True)
    job_state = models.CharField(_("job state"), max_length=16, null=True)
    job_attempt = models.BigIntegerField(_("job attempt"), null=True)
    job_queue_ms = models.FloatField(_("job in the queue for ms"), null=True)
    linked_trace_id = models.CharField(_("id of the trace that sent the job"), max_length=32, null=True)
    attributes = models.JSONField(_("attributes"), default=dict)
    events = models.JSONField(_("events"), default=list)
    links = models.JSONField(_("links"), default=list)

    objects = SpanQuerySet.as_manager()

    class Meta:
        verbose_name = _("span")
        verbose_name_plural = _("recent spans")
        default_permissions = ("view",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["trace_id", "span_id"], name="llmtrace_span_once")]
        # Ascending, and read backwards: "newest first, then by id" is then the order of the index itself, since SQLite
        # and InnoDB keep the row's id behind the named columns, and inserts go to the right end, where pages fill.
        # Each costs SQLite 1.0 to 1.8 µs of the 16.5 µs that a row of 5 KB takes with none but the constraint; the same
        # three of them descending cost 3.2 µs, ascending 2.3. Errors alone (a partial index) would save 1 µs, but MySQL
        # and MariaDB have no such index and warn about it.
        indexes: ClassVar = [
            models.Index(fields=["started_at", "id"], name="llmtrace_span_newest"),
            models.Index(fields=["status", "started_at"], name="llmtrace_span_status"),
            models.Index(fields=["operation", "started_at"], name="llmtrace_span_operation"),
            models.Index(fields=["model", "started_at"], name="llmtrace_span_model"),
            models.Index(fields=["service", "started_at"], name="llmtrace_span_service"),
            models.Index(fields=["user_id", "started_at"], name="llmtrace_span_user"),
            models.Index(fields=["conversation_id", "started_at"], name="llmtrace_span_conversation"),
            KnownIndex(fields=["linked_trace_id"], name="llmtrace_span_linked"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.span_id})"

    @property
    def cost(self) -> Decimal | None:
        """What the inference cost in USD, None when unknown."""
        return None if self.cost_nano_usd is None else self.cost_nano_usd / NANO_USD


class SpanContent(models.Model):
    """Messages, tool data, template variables and exception texts of one span.

    The text is JSON in a plain text column: nothing queries inside it, and jsonb costs PostgreSQL half as much again
    (65 µs a row of 3 KB, text 42). There is no constraint in the database, which would cost it another fifth: the
    writer inserts both rows in one transaction, and retention deletes this one first.
    """

    span = models.OneToOneField(Span, models.CASCADE, primary_key=True, related_name="content", db_constraint=False)
    data = models.TextField(_("data"))

    class Meta:
        verbose_name = _("content of a span")
        verbose_name_plural = _("contents of spans")
        default_permissions = ()
        permissions: ClassVar = [("view_content", _("Can read what people and models wrote"))]

    def __str__(self) -> str:
        return f"content of {self.pk}"

    def load(self) -> dict[str, Any]:
        """What was said, by attribute name, decoded: messages are lists of dicts in the form of the GenAI conventions.

        Beside the attributes' names there may be ``status_description``, a text, and ``events``: what was said in
        events, as a dict from the event's index in `Span.events` (as text) to a dict of its attributes; an exception's
        message and stack trace stand there.
        """
        data: dict[str, Any] = json.loads(self.data, parse_int=_whole)
        return data


class Ledger(models.Model):
    """The account of one exporter in one process, for pages on other hosts. Written by `llmtrace.store.board` alone.

    It follows the files of the processes, which are the truth; `folder` says which ones: those of one folder are read
    by whoever can, and only what is behind other folders is read here.
    """

    id = models.BigAutoField(primary_key=True)
    folder = models.CharField(_("folder"), max_length=128)
    process = models.CharField(_("process"), max_length=128)
    exporter = models.CharField(_("exporter"), max_length=255)
    ended = models.BigIntegerField(_("ended"))
    sent = models.BigIntegerField(_("sent"))
    waiting = models.BigIntegerField(_("waiting"))
    spooled = models.BigIntegerField(_("of these on disk"))
    dropped = models.JSONField(_("dropped"), default=dict)
    failed_closed = models.BigIntegerField(_("a filter raised"))
    last_error = models.TextField(_("last error"), null=True)
    last_error_at = models.DateTimeField(_("when it happened"), null=True)
    alive = models.BooleanField(_("alive"))
    seen_at = models.DateTimeField(_("seen at"))

    class Meta:
        verbose_name = _("ledger")
        verbose_name_plural = _("ledgers")
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["process", "exporter"], name="llmtrace_ledger_once")]

    def __str__(self) -> str:
        return f"{self.exporter} in {self.process}"


class RunningSpan(models.Model):
    """A span that had been open for some seconds when its process last looked; without anything that was said.

    `seen_at` is when the process last said so. Its row goes when the span has ended.
    """

    id = models.BigAutoField(primary_key=True)
    process = models.CharField(_("process"), max_length=128)
    trace_id = models.CharField(_("trace id"), max_length=32)
    span_id = models.CharField(_("span id"), max_length=16)
    parent_id = models.CharField(_("parent id"), max_length=16, null=True)
    name = models.CharField(_("name"), max_length=255)
    kind = models.CharField(_("kind"), max_length=8)
    service = models.CharField(_("service"), max_length=255, null=True)
    operation = models.CharField(_("operation"), max_length=64, null=True)
    provider = models.CharField(_("provider"), max_length=64, null=True)
    model = models.CharField(_("model"), max_length=255, null=True)
    user_id = models.CharField(_("user id"), max_length=255, null=True)
    session_id = models.CharField(_("session id"), max_length=255, null=True)
    conversation_id = models.CharField(_("conversation id"), max_length=255, null=True)
    started_at = models.DateTimeField(_("started at"))
    seen_at = models.DateTimeField(_("seen at"))

    class Meta:
        verbose_name = _("running span")
        verbose_name_plural = _("running spans")
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["trace_id", "span_id"], name="llmtrace_runningspan_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.span_id})"


def _whole(digits: str) -> int | str:
    """A number of JSON; Python refuses to read one of more than 4,300 digits, so that such a one stays text."""
    return int(digits) if len(digits) < 1000 else digits
