"""Settings of the host project. The test says by environment variables where broker, results and databases are."""

from __future__ import annotations

import json
import os
from pathlib import Path

FOLDER = Path(os.environ["JOBS_FOLDER"])

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "tests.jobs.site.views"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_tasks_db", "llmtrace"]
MIGRATION_MODULES = {"django_tasks_database": None}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}
MIDDLEWARE: list[str] = []
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "host.sqlite3"},
    "llmtrace": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["JOBS_SPANS"],
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    },
}
LLMTRACE = {
    "SERVICE_NAME": "site",
    "DATABASE": "llmtrace",
    "SPOOL": {"DIRECTORY": str(FOLDER / "spool")},
    "PROVIDERS": {
        "default": {
            "BACKEND": "llmtrace.providers.OpenAI",
            "OPTIONS": {"api_key": "sk-test", "base_url": os.environ["JOBS_MODEL"], "model": "gpt-4o-mini"},
        }
    },
    "EXPORTERS": [{"BACKEND": "llmtrace.exporters.Database", "SPANS": "all"}],
    "JOBS": {"LINK_AFTER": 1800, "EXCLUDE": ["tests.jobs.site.tasks.quiet"]},
    **json.loads(os.environ.get("JOBS_LLMTRACE", "{}")),
}

LOGGING = json.loads(os.environ.get("JOBS_LOGGING", "{}"))

CELERY_BROKER_URL = os.environ["JOBS_BROKER"]
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_TRANSPORT = "project.broker:Transport"
CELERY_BROKER_TRANSPORT_OPTIONS = json.loads(os.environ["JOBS_TRANSPORT"])
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_RESULT_BACKEND = os.environ["JOBS_RESULTS"]
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = json.loads(os.environ.get("JOBS_RESULTS_TRANSPORT", "{}"))
CELERY_RESULT_CHORD_RETRY_INTERVAL = 0.1
CELERY_TASK_DEFAULT_QUEUE = os.environ["JOBS_QUEUE"]
CELERY_WORKER_ENABLE_REMOTE_CONTROL = os.environ.get("JOBS_CONTROL") == "1"
CELERY_CONTROL_EXCHANGE = os.environ["JOBS_QUEUE"]
CELERY_BEAT_SCHEDULE = {"every moment": {"task": "tests.jobs.site.tasks.add", "schedule": 0.5, "args": (1, 2)}}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
