"""Background jobs in the trace of what sent them, with Celery and Django's own tasks.

Neither is imported before the host imports it.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Final

from wrapt import register_post_import_hook

from llmtrace.masking import get_logger

logger = get_logger("llmtrace.jobs")

PARTS: Final = {
    "llmtrace.jobs.run": ("celery.app.base",),
    "llmtrace.jobs.whole": ("celery.app.trace", "celery.worker.consumer.consumer"),
    "llmtrace.jobs.publish": ("celery.app.base",),
    "llmtrace.jobs.others": ("opentelemetry.instrumentation.celery",),
    "llmtrace.jobs.worker": ("celery.app.base",),
    "llmtrace.jobs.wait": ("celery.result",),
    "llmtrace.jobs.beat": ("celery.beat",),
    "llmtrace.jobs.unfinished": ("celery.worker.request",),
    "llmtrace.jobs.tasks_enqueue": ("django.tasks.base", "django_tasks.base"),
    "llmtrace.jobs.tasks_run": ("django.tasks.signals", "django_tasks.signals"),
    "llmtrace.jobs.tasks_row": ("django_tasks_db.models", "django_tasks.backends.database.models"),
    "llmtrace.jobs.on_commit": ("celery.app.base", "django.tasks.base", "django_tasks.base"),
}
"""Each part of the instrumentation, and the modules with whose import it is connected; again with each if there are
several."""

_installed = False
_connected: set[tuple[str, str]] = set()


def install() -> None:
    """Trace the jobs that this process sends and runs. Safe to call again.

    Celery takes 100 ms to import, so a process that does not use it never does on our account: each part is connected
    when the module that it needs is imported, at once if it has been.
    """
    global _installed
    if not _installed:
        _installed = True
        for part, modules in PARTS.items():
            for module in modules:
                register_post_import_hook(partial(_connect, part), module)


def _connect(part: str, module: ModuleType) -> None:
    key = part, module.__name__
    if not _installed or key in _connected:
        return
    try:
        import_module(part).connect()
        _connected.add(key)
    except Exception:
        logger.exception("Jobs are not traced: %s could not be connected.", part)


def uninstall() -> None:
    """Leave Celery and Django as they were."""
    global _installed
    _installed = False
    while _connected:
        import_module(_connected.pop()[0]).disconnect()
