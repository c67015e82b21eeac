"""The Health page: what became of the spans of all processes, what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.timezone import make_naive
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from llmtrace.conf import get_config
from llmtrace.dashboard.figures import grouped
from llmtrace.dashboard.pages import page_context
from llmtrace.dashboard.plaintext import one_line
from llmtrace.dashboard.when import clock, full, local
from llmtrace.store.health import Account, Entry, Health, read
from llmtrace.store.verdict import Problem, problems

MOST: Final = 100
"""Processes in the table: those that run come first, then those that were seen last."""


@require_safe
def health_page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """The page.

    Raises:
        PermissionDenied: the user may not view spans.
    """
    context = {
        **page_context(request, site),
        "title": _("Health"),
        **_context(read()),
    }
    return TemplateResponse(request, "admin/llmtrace/health.html", context)


def _context(health: Health) -> dict[str, Any]:
    sums = health.by_exporter()
    named = [exporter.name for exporter in get_config().exporters]
    found = problems(health, named)
    names = [*named, *sums]
    processes = sorted(health.entries, key=_order)
    return {
        "problems": [_problem(problem) for problem in found],
        "is_wrong": any(not problem.acknowledged for problem in found),
        "is_lost": bool(health.fresh),
        "exporters": [_exporter(name, sums.get(name), found) for name in dict.fromkeys(names)],
        "processes": [_process(entry, health) for entry in processes[:MOST]],
        "others": grouped(len(processes) - MOST) if len(processes) > MOST else "",
        "strip": _strip(sums.values(), health),
        "away": health.away,
    }


def _order(entry: Entry) -> tuple[float, str, str]:
    return float("-inf") if entry.alive else -entry.seen_at.timestamp(), entry.process, entry.exporter


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "exporter": one_line(problem.exporter),
        "count": grouped(problem.count),
        "lost": problem.lost,
        "acknowledged": problem.acknowledged,
        "reason": one_line(problem.reason, 255),
        "cure": _(problem.cure) if problem.cure else "",
    }


def _exporter(name: str, account: Account | None, found: Sequence[Problem]) -> dict[str, Any]:
    """A row of the first table; one that has no ledger yet has no numbers."""
    named = name in {exporter.name for exporter in get_config().exporters}
    own = [problem for problem in found if problem.exporter == name and not problem.acknowledged]
    lost, failing = any(problem.lost for problem in own), any(not problem.lost for problem in own)
    row: dict[str, Any] = {"name": one_line(name), "named": named, "lost": lost, "failing": failing}
    return row if account is None else {**row, **_numbers(account)}


def _process(entry: Entry, health: Health) -> dict[str, Any]:
    return {
        "lost": any(place[:2] == (entry.process, entry.exporter) for place in health.fresh),
        "process": one_line(entry.process, 128),
        "exporter": one_line(entry.exporter),
        "alive": entry.alive,
        "seen": _moment(entry.seen_at),
        **_numbers(entry.account),
    }


def _numbers(account: Account) -> dict[str, Any]:
    dropped = sorted(account.dropped.items(), key=lambda item: -item[1])
    return {
        "ended": grouped(account.ended),
        "sent": grouped(account.sent),
        "waiting": grouped(account.waiting),
        "spooled": grouped(account.spooled) if account.spooled else "",
        "dropped": grouped(sum(account.dropped.values())),
        "reasons": [{"reason": one_line(reason, 128), "count": grouped(count)} for reason, count in dropped],
        "error": one_line(account.last_error or "", 500),
        "error_at": None if account.last_error_at is None else _moment(account.last_error_at),
    }


def _moment(moment: datetime) -> dict[str, str]:
    """A moment as the pages write it, and in full."""
    here = moment if settings.USE_TZ else make_naive(moment)
    return {"short": clock(here), "full": full(here), "iso": local(here).isoformat()}


def _strip(accounts: Iterable[Account], health: Health) -> dict[str, str]:
    accounts = list(accounts)
    lost = health.fresh.total()
    known = sum(account.lost for account in accounts) - lost
    return {
        "ended": grouped(sum(account.ended for account in accounts)),
        "sent": grouped(sum(account.sent for account in accounts)),
        "waiting": grouped(sum(account.waiting for account in accounts)),
        "lost": grouped(lost) if lost else "",
        "acknowledged": grouped(known) if known else "",
        "left_out": grouped(wanted) if (wanted := sum(map(_left_out, accounts))) else "",
        "processes": grouped(len({entry.process for entry in health.entries if entry.alive})),
    }


def _left_out(account: Account) -> int:
    return sum(account.dropped.values()) - account.lost
