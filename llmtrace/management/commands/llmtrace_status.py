"""``manage.py llmtrace_status``: what became of the spans, by process and exporter."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from llmtrace.conf import get_config
from llmtrace.jsontext import printable
from llmtrace.store.health import Account, Entry, Health, acknowledge, read
from llmtrace.store.verdict import Problem, problems

HEADINGS = ("exporter", "process", "ended", "sent", "waiting", "dropped", "state")


class Command(BaseCommand):
    """For people at a terminal, and with ``--json`` for whatever watches over them."""

    help = (
        "Show what became of the spans that ended: sent, waiting, or dropped with a reason, by process and exporter. "
        "Exits with 1 when spans were lost, that is dropped though no filter was to leave them out, and nobody has "
        "acknowledged that."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a list with an object for each")
        parser.add_argument(
            "--acknowledge",
            action="store_true",
            help="remember what was lost so far, so that from now on it exits with 1 only when more is lost",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        health = read()
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(entry) for entry in health.entries], indent=2))
        else:
            self._tell(health)
        if options["acknowledge"]:
            self._acknowledge(health)
        elif health.fresh:
            sys.exit(1)

    def _acknowledge(self, health: Health) -> None:
        try:
            count = acknowledge(health)
        except OSError as error:
            raise CommandError(f"It could not be remembered: {error.strerror or error}.") from error
        self.stderr.write(f"\nAcknowledged: {count} spans that were lost. It exits with 1 again when more are.")

    def _tell(self, health: Health) -> None:
        if not health.entries:
            self.stdout.write("No process has ended a span yet, or none could keep its numbers.")
        else:
            rows = [HEADINGS, *map(_row, health.entries)]
            if len(health.entries) > 1:
                rows += [_sum(exporter, account) for exporter, account in health.by_exporter().items()]
            for line in _columns(rows):
                self.stdout.write(line)
        for problem in problems(health, [exporter.name for exporter in get_config().exporters]):
            self.stdout.write(_told(problem))
        if health.fresh:
            self.stdout.write("\nWhen you have seen to what was lost: manage.py llmtrace_status --acknowledge")
        if health.away is not None:
            self.stderr.write(
                f"\nThe database does not answer ({health.away}): only this machine's processes are here."
            )


def _told(problem: Problem) -> str:
    what = "were lost" if problem.lost else "wait"
    reason = f": {printable(problem.reason)}" if problem.reason else ""
    rest = " (acknowledged)" if problem.acknowledged else f"\n  {problem.cure}"
    return f"\n{printable(problem.exporter)}: {problem.count} spans {what}{reason}{rest}"


def _as_json(entry: Entry) -> dict[str, Any]:
    account = entry.account
    return {
        "process": entry.process,
        "exporter": entry.exporter,
        "ended": account.ended,
        "sent": account.sent,
        "waiting": account.waiting,
        "dropped": dict(account.dropped),
        "failed_closed": account.failed_closed,
        "last_error": account.last_error,
    }


def _row(entry: Entry) -> tuple[str, ...]:
    state = "running" if entry.alive else f"ended, seen {entry.seen_at:%Y-%m-%d %H:%M:%S} UTC"
    return (entry.exporter, entry.process, *_numbers(entry.account), state)


def _sum(exporter: str, account: Account) -> tuple[str, ...]:
    return (exporter, "all", *_numbers(account), "")


def _numbers(account: Account) -> tuple[str, ...]:
    return tuple(map(str, (account.ended, account.sent, account.waiting, sum(account.dropped.values()))))


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines, in columns: texts to the left, numbers to the right."""
    widths = [max(len(printable(cell)) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(map(_padded, row, widths, range(len(widths)))).rstrip() for row in rows]


def _padded(cell: str, width: int, column: int) -> str:
    cell = printable(cell)  # other hosts have written some of them
    return cell.rjust(width) if 2 <= column <= 5 else cell.ljust(width)
