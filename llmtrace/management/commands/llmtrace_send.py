"""``manage.py llmtrace_send``: one marked span through every exporter, and for each what became of it."""

from __future__ import annotations

import contextlib
import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from llmtrace.conf import ROOT, Config, get_config
from llmtrace.exporters import trial
from llmtrace.exporters.trial import Trial

PATIENCE_S: Final = 15.0
LONGEST_S: Final = 3600.0


def _seconds(text: str) -> float:
    """A time to wait that clocks can count.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= LONGEST_S:
        raise ArgumentTypeError(f"{text!r} is no number of seconds above 0 and up to {LONGEST_S:,.0f}")
    return seconds


class Command(BaseCommand):
    """Says whether spans arrive, and if not, what to do. It changes nothing of what the site has queued or spooled."""

    help = (
        "Send one marked test span through the filters and the exporter of each entry of "
        'LLMTRACE["EXPORTERS"], and say what became of it. Ends with 1 if one did not take it.'
    )
    requires_system_checks = ()  # the mistake of one entry hides nothing of the others

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="exporters to try; all if left out")
        parser.add_argument("--json", action="store_true", help="print a list of JSON objects, for programs")
        parser.add_argument("--timeout", type=_seconds, default=PATIENCE_S, help="seconds to wait, for all together")

    def handle(self, *args: Any, **options: Any) -> None:
        config, names = get_config(), options["names"]
        _check(config, names)
        span = trial.marked_span(config)
        with contextlib.redirect_stdout(sys.stderr):  # what an exporter of the terminal shows is no answer
            trials = [
                *_unreadable(config, options["names"]),
                *trial.run(config, span, options["names"], options["timeout"]),
            ]
        if not config.enabled:
            self.stderr.write(f'{ROOT}["ENABLED"] is not True: of the site itself nothing is recorded.')
        trace_id = f"{span.context.trace_id:032x}" if span.context else ""
        if options["json"]:
            self.stdout.write(json.dumps([_plain(each, trace_id) for each in trials], indent=2))
        else:
            self._table(trials, trace_id)
        failed = [each.exporter for each in trials if not each.ok]
        if failed:
            raise CommandError(f"The test span did not arrive at: {', '.join(failed)}.")

    def _table(self, trials: Sequence[Trial], trace_id: str) -> None:
        width = max([len(each.exporter) for each in trials], default=0)
        self.stdout.write(f'Test span "{trial.NAME}", trace {trace_id}')
        for each in trials:
            style = self.style.SUCCESS if each.ok else self.style.ERROR
            outcome = style(f"{each.outcome:<11}")
            self.stdout.write(f"{each.exporter:<{width}}  {outcome}  {each.seconds:5.1f} s  {each.detail}".rstrip())


def _check(config: Config, names: Sequence[str]) -> None:
    known = [entry.name for entry in config.exporters]
    for name in names:
        if name not in known:
            raise CommandError(f'{ROOT}["EXPORTERS"] has no "{name}", but {", ".join(known) or "nothing"}.')
    if not known and not config.problems:
        raise CommandError(f'{ROOT}["EXPORTERS"] is empty: spans go nowhere.')


def _unreadable(config: Config, names: Sequence[str]) -> list[Trial]:
    """Entries that are no entries: they have no name to be tried by."""
    places = [problem for problem in config.problems if problem.where.startswith(f'{ROOT}["EXPORTERS"]')]
    return [] if names else [Trial(problem.where, "failed", str(problem)) for problem in places]


def _plain(each: Trial, trace_id: str) -> dict[str, Any]:
    return {
        "exporter": each.exporter,
        "outcome": each.outcome,
        "detail": each.detail,
        "seconds": round(each.seconds, 3),
        "ok": each.ok,
        "trace_id": trace_id,
    }
