"""Tasks of Django's own framework and of its backport, which is the same under another name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

from llmtrace import semconv
from llmtrace.conf import get_config

SYSTEM: Final = "django"
FRAMEWORKS: Final = ("django.tasks", "django_tasks")


def loaded(*names: str) -> Iterator[ModuleType]:
    """Those of the modules that this process has imported."""
    return (sys.modules[name] for name in names if name in sys.modules)


def excluded(name: str) -> bool:
    """Whether this task, by its module's path, gets no span; what it calls and enqueues is traced all the same."""
    return name in get_config().jobs.exclude


def task_attributes(task: Any) -> dict[str, Any]:
    """Which task it is, and the queue that it is put in."""
    return {
        semconv.MESSAGING_SYSTEM: SYSTEM,
        semconv.CODE_FUNCTION: task.module_path,
        semconv.MESSAGING_DESTINATION: task.queue_name,
    }
