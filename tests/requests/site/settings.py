"""Settings of the host project. The test says by environment variables where the model server and the databases are."""

import json
import os
from pathlib import Path

FOLDER = Path(os.environ["SITE_FOLDER"])

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "tests.requests.site.pages"
WSGI_APPLICATION = "tests.requests.site.wsgi.application"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "llmtrace"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "host.sqlite3"},
    "llmtrace": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["SITE_SPANS"],
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
            "OPTIONS": {"base_url": os.environ["SITE_MODELS"], "api_key": "sk-only-for-tests"},
        }
    },
    **json.loads(os.environ.get("SITE_LLMTRACE", "{}")),
}
LOGGING = json.loads(os.environ.get("SITE_LOGGING", "{}"))
