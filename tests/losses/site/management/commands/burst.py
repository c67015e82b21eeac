"""A burst of spans from a management command that ends right after it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tests.losses.site.pages import calls


class Command(BaseCommand):
    """Make spans, and end."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=int)
        parser.add_argument("--jobs", type=int, default=0, help="Celery jobs to send after it.")

    def handle(self, *args: Any, count: int, jobs: int, **options: Any) -> None:
        calls(count)
        if jobs:
            from tests.losses.site.celery import tick

            for _ in range(jobs):
                tick.delay()
