"""The host's Celery application."""

from __future__ import annotations

import os

from celery import Celery

from tests.jobs.site import transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.jobs.site.settings")

transport.use()
app = Celery("site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.imports = ["tests.jobs.site.tasks"]
