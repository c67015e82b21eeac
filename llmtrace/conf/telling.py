"""Mistakes in the settings, told in the log: servers such as gunicorn run no checks."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.conf import settings

from llmtrace.conf.shapes import Problem


def log_errors(logger: logging.Logger, problems: Iterable[Problem]) -> None:
    """Log each error among `problems`, one line each, but for those that the project has silenced as checks."""
    for problem in problems:
        if not problem.is_warning and problem.id not in settings.SILENCED_SYSTEM_CHECKS:
            logger.error("%s", problem)
