"""What processes tell people: lines of logs, the page and the command about what became of the spans."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.template.response import TemplateResponse
from django.test import RequestFactory, override_settings

from llmtrace.dashboard.health import health_page

HOSTS: Final = re.compile(r"(?:celery(?!\.redirected)|django|uvicorn|gunicorn)[\w.]*\| ")
"""Lines of loggers that log what jobs and views raise as it is, for the host; what exporters print is in the others."""

LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"marked": {"()": "tests.filters.marked.Marked"}},
    "handlers": {"terminal": {"class": "logging.StreamHandler", "formatter": "marked"}},
    "root": {"handlers": ["terminal"], "level": "INFO"},
    "loggers": {"llmtrace": {"level": "DEBUG"}},
}
"""Django's ``LOGGING`` for a host that shows all there is to see."""


def not_the_hosts(output: str) -> str:
    """What a process has printed and logged, by `LOGGING`, without the lines of the host's own loggers."""
    return "\n".join(line for line in output.splitlines() if not HOSTS.match(line))


def health(spool: Path, alias: str) -> str:
    """The Health page, as somebody who may see everything sees it."""
    request = RequestFactory().get("/admin/llmtrace/health/")
    request.user = User(username="ada", is_staff=True, is_superuser=True)
    with _looking_at(spool, alias):
        page = health_page(request, admin.site)
        assert isinstance(page, TemplateResponse)
        shown: bytes = page.render().content
    return shown.decode()


def status(spool: Path, alias: str) -> str:
    """What ``llmtrace_status`` says to people, and to programs."""
    said = io.StringIO()
    with _looking_at(spool, alias):
        for options in ([], ["--json"]):
            with suppress(SystemExit):
                call_command("llmtrace_status", *options, stdout=said, stderr=said)
    return said.getvalue()


@contextmanager
def _looking_at(spool: Path, alias: str) -> Iterator[None]:
    with override_settings(LLMTRACE={"EXPORTERS": [], "DATABASE": alias, "SPOOL": {"DIRECTORY": str(spool)}}):
        yield
