"""The smallest project that has llmtrace in it; tests change it with `override_settings`."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pymysql

pymysql.install_as_MySQLdb()


def _directory() -> Path:
    """A folder for this run's files, shared with the processes it starts and gone when it ends.

    Each of several processes that share out the tests has a folder of its own in it.
    """
    inherited = os.environ.get("LLMTRACE_TEST_DIRECTORY")
    if inherited:
        folder = Path(inherited, os.environ.get("PYTEST_XDIST_WORKER", ""))
        folder.mkdir(exist_ok=True)
        return folder
    made, owner = tempfile.mkdtemp(prefix="llmtrace-tests-"), os.getpid()
    os.environ["LLMTRACE_TEST_DIRECTORY"] = made
    atexit.register(lambda: shutil.rmtree(made, ignore_errors=True) if os.getpid() == owner else None)
    return Path(made)


DIRECTORY = _directory()


def _sqlite(name: str) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(DIRECTORY / f"{name}.sqlite3"),
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        "TEST": {"NAME": str(DIRECTORY / f"test-{name}.sqlite3")},
    }


DATABASES = {"default": _sqlite("default"), "llmtrace": _sqlite("llmtrace")}

SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_tasks_db",
    "llmtrace",
]
MIGRATION_MODULES = {"django_tasks_database": None}  # its one table at once, and not in 21 steps

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

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
