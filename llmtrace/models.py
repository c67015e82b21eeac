"""The tables of the store: ended spans, and beside them what people and models wrote."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

NANO_USD = Decimal(10) ** 9


class Span(models.Model):
    """One ended span. Written by the store's writer in batches, never by `save()`; read-only in the admin."""

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
    attributes = models.JSONField(_("attributes"), default=dict)
    events = models.JSONField(_("events"), default=list)
    links = models.JSONField(_("links"), default=list)

    class Meta:
        verbose_name = _("span")
        verbose_name_plural = _("recent spans")
        default_permissions = ("view",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["trace_id", "span_id"], name="llmtrace_span_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.span_id})"

    @property
    def cost(self) -> Decimal | None:
        """What the inference cost in USD, None when unknown."""
        return None if self.cost_nano_usd is None else self.cost_nano_usd / NANO_USD


class SpanContent(models.Model):
    """Messages, tool data, template variables and exception texts of one span."""

    span = models.OneToOneField(Span, models.CASCADE, primary_key=True, related_name="content")
    data = models.JSONField(_("data"), default=dict)

    class Meta:
        verbose_name = _("content of a span")
        verbose_name_plural = _("contents of spans")
        default_permissions = ()
        permissions: ClassVar = [("view_content", _("Can read what people and models wrote"))]

    def __str__(self) -> str:
        return f"content of {self.span_id}"
