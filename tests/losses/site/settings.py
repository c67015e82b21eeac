"""Settings of the host project. The test says by environment variables where spans go and where the broker is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pymysql

pymysql.install_as_MySQLdb()

FOLDER = Path(os.environ["LOSSES_FOLDER"])

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "tests.losses.site.pages"
WSGI_APPLICATION = "tests.losses.site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "llmtrace", "tests.losses.site"]
MIDDLEWARE: list[str] = []
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "host.sqlite3"},
    "llmtrace": json.loads(os.environ["LOSSES_DATABASE"]),
}
LLMTRACE = {
    "SERVICE_NAME": "site",
    "DATABASE": "llmtrace",
    "SPOOL": {"DIRECTORY": str(FOLDER / "spool")},
    "PROVIDERS": {"default": {"BACKEND": "llmtrace.providers.Fake"}},
    "EXPORTERS": [
        *json.loads(os.environ["LOSSES_EXPORTERS"]),
        # Last: what the durable ones have on disk before the call returns is there when the witness sees the span.
        {"BACKEND": "tests.losses.site.witness.Witness", "OPTIONS": {"path": str(FOLDER / "ended")}},
    ],
    **json.loads(os.environ.get("LOSSES_LLMTRACE", "{}")),
}

CELERY_BROKER_URL = "filesystem://"
CELERY_BROKER_TRANSPORT = "project.broker:Transport"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "data_folder_in": str(FOLDER / "messages"),
    "data_folder_out": str(FOLDER / "messages"),
    "control_folder": str(FOLDER / "control"),
    "polling_interval": 0.05,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_BEAT_SCHEDULE = {"every moment": {"task": "tick", "schedule": 0.2}}
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
