"""Names that the pages of the documentation take as given, with the types that a project has for them."""

import logging
import os
from pathlib import Path
from typing import Any

from django.contrib.admin import AdminSite
from django.urls import reverse

from llmtrace import Reply
from llmtrace.models import Span

BASE_DIR = Path()
LLMTRACE: dict[str, Any]
error: Exception
logger = logging.getLogger()
my_site: AdminSite
reply: Reply
span: Span


def env(name: str) -> str:
    return os.environ[name]


__all__ = ["BASE_DIR", "LLMTRACE", "env", "error", "logger", "my_site", "reply", "reverse", "span"]
