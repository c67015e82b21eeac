"""``manage.py llmtrace_prune``: delete what is older than ``RETENTION_DAYS`` and ``CONTENT_RETENTION_DAYS``."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connections

from llmtrace.conf import ROOT, get_config
from llmtrace.store.connection import driver_error
from llmtrace.store.engines import ENGINES
from llmtrace.store.retention import BATCH, Pruned, Retention


class Command(BaseCommand):
    """Meant to run once a day, from cron or a beat schedule."""

    help = (
        'Delete spans older than LLMTRACE["RETENTION_DAYS"], and content older than LLMTRACE["CONTENT_RETENTION_DAYS"].'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
        parser.add_argument("--database", help='alias of the store; LLMTRACE["DATABASE"] if left out')
        parser.add_argument("--batch-size", type=int, default=BATCH, help="spans in one transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        config = get_config()
        database = options["database"] or config.database
        if database not in connections:
            where = "--database" if options["database"] else f'{ROOT}["DATABASE"]'
            raise CommandError(f'{where} names "{database}", which is not in DATABASES.')
        if options["batch_size"] < 1:
            raise CommandError("--batch-size has to be 1 or more.")
        retention = Retention(config.retention_days, config.content_retention_days, database)
        try:
            if options["dry_run"]:
                self._say("Would delete", retention.due(), database)
            else:
                self._say("Deleted", retention.prune(batch=options["batch_size"]), database)
        except Error as error:
            engine = ENGINES.get(connections[database].vendor)
            if engine is None or not engine.lacks_tables(driver_error(error)):
                raise
            command = f"manage.py migrate llmtrace --database={database}"
            raise CommandError(f'"{database}" has no tables of llmtrace: run {command}') from error

    def _say(self, verb: str, pruned: Pruned, database: str) -> None:
        self.stdout.write(
            f'{verb} {pruned.spans} spans, and the content of {pruned.contents} others, from "{database}".'
        )
