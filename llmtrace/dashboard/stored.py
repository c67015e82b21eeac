"""The spans that the dashboard shows."""

from __future__ import annotations

from llmtrace.conf import get_config
from llmtrace.models import Span, SpanQuerySet


def stored() -> SpanQuerySet:
    """All spans of the database that the setting names."""
    return Span.objects.using(get_config().database)
