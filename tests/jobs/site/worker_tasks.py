"""A job of the host's that only workers know."""

from __future__ import annotations

from celery import shared_task

from tests.jobs.site.tasks import work


@shared_task(name="site.worker_only")
def worker_only() -> None:
    work("worker_only")
