"""The settings of the host.

``HOST_DATABASE`` is its database as JSON. ``HOST_TRACED`` adds llmtrace as it comes; ``asked`` asks for spans of tests.
"""

import json
import os

SECRET_KEY = "only for tests"
DATABASES = {"default": json.loads(os.environ["HOST_DATABASE"])}
USE_TZ = True
ROOT_URLCONF = "tests.host.urls"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TRACED = os.environ.get("HOST_TRACED")
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", *(["llmtrace"] if TRACED else [])]
if os.environ.get("HOST_TRACED") == "asked":
    LLMTRACE = {"EXPORTERS": [{"BACKEND": "llmtrace.exporters.Database"}]}
