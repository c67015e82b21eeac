"""Where the trace of an id is shown."""

from __future__ import annotations

import re
from typing import Final

from django.contrib.admin import AdminSite
from django.urls import reverse

TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")


def url_of(site: AdminSite, trace_id: str, span_id: str | None = None) -> str:
    """The address of a trace's page on `site`, with a span selected."""
    url = reverse("admin:llmtrace_trace", args=[trace_id], current_app=site.name)
    return url if span_id is None else f"{url}?span={span_id}"
