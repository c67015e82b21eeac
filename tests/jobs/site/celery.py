"""The host's Celery application."""

from __future__ import annotations

import os

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.jobs.site.settings")

app = Celery("site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.imports = ["tests.jobs.site.tasks", "tests.jobs.site.said", "tests.jobs.site.dying"]


@signals.worker_process_init.connect
def instrument(**_: object) -> None:
    """As OpenTelemetry's documentation has it, where the test wants it."""
    if os.environ.get("JOBS_INSTRUMENT") == "1":
        from opentelemetry.instrumentation.celery import CeleryInstrumentor

        CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]
