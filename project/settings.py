"""Settings of the example site. It runs as it is; environment variables change what a deployment would change."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("PROJECT_VAR") or ROOT / "var")  # databases, the broker's folders, spool
MESSAGES = VAR / "messages"
RESULTS = VAR / "results"
for _folder in (MESSAGES, RESULTS):
    _folder.mkdir(parents=True, exist_ok=True)

SECRET_KEY = os.environ.get("SECRET_KEY", "django-insecure-for-the-example-site-alone")
DEBUG = os.environ.get("DEBUG", "1") == "1"
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost 127.0.0.1").split()

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "llmtrace",
    "project.shop",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
ASGI_APPLICATION = "project.asgi.application"
STATIC_URL = "static/"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "admin:login"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Two files: spans are written by every process all the time, and must not make the shop's own transactions wait.
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": VAR / "shop.sqlite3"},
    "llmtrace": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR / "llmtrace.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    },
}
DATABASE_ROUTERS = ["llmtrace.routers.LLMTraceRouter"]

# A folder is broker enough for one machine; CELERY_BROKER_URL names a real one.
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "filesystem://")
CELERY_RESULT_BACKEND = os.environ.get("CELERY_RESULT_BACKEND", f"file://{RESULTS}")
CELERY_RESULT_CHORD_RETRY_INTERVAL = 0.5
CELERY_TASK_SERIALIZER = "json"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_TRANSPORT = "project.broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(MESSAGES),
        "data_folder_out": str(MESSAGES),
        "control_folder": str(VAR / "exchanges"),
        "polling_interval": 0.1,
    }

# The real host when there is a key, else the model server of this project: python -m project.modelserver
MODEL_SERVER = os.environ.get("MODEL_SERVER", "http://127.0.0.1:8100/v1")
if os.environ.get("OPENAI_API_KEY"):
    OPENAI = {"api_key": os.environ["OPENAI_API_KEY"]}
else:
    OPENAI = {"api_key": "sk-local", "base_url": MODEL_SERVER}

SHOP_MODEL = os.environ.get("SHOP_MODEL", "gpt-4o-mini")
SHOP_MISSING_MODEL = "gpt-that-does-not-exist"  # for the failing call

LLMTRACE = {
    "SERVICE_NAME": "shop",
    "DATABASE": "llmtrace",
    "PROVIDERS": {"default": {"BACKEND": "llmtrace.providers.OpenAI", "OPTIONS": OPENAI}},
    "EXPORTERS": [{"BACKEND": "llmtrace.exporters.Database"}],
    "SPOOL": {"DIRECTORY": str(VAR / "spool")},
}
