"""Background jobs in the trace of what sent them, with Celery, which is not imported before the host imports it."""

from __future__ import annotations

import logging
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Final

from wrapt import register_post_import_hook

logger = logging.getLogger("llmtrace.jobs")

PARTS: Final = {
    "llmtrace.jobs.run": "celery.app.base",
    "llmtrace.jobs.publish": "celery.app.base",
    "llmtrace.jobs.worker": "celery.app.base",
    "llmtrace.jobs.on_commit": "celery.app.base",
    "llmtrace.jobs.wait": "celery.result",
    "llmtrace.jobs.beat": "celery.beat",
    "llmtrace.jobs.unfinished": "celery.worker.request",
}
"""Each part of the instrumentation, and the module of Celery with whose import it is connected."""

_installed = False
_connected: set[str] = set()


def install() -> None:
    """Trace the jobs that this process sends and runs. Safe to call again.

    Celery takes 100 ms to import, so a process that does not use it never does on our account: each part is connected
    when the module that it needs is imported, at once if it has been.
    """
    global _installed
    if not _installed:
        _installed = True
        for part, module in PARTS.items():
            register_post_import_hook(partial(_connect, part), module)


def _connect(part: str, module: ModuleType) -> None:
    if not _installed or part in _connected:
        return
    try:
        import_module(part).connect()
        _connected.add(part)
    except Exception:
        logger.exception("Jobs are not traced: %s could not be connected.", part)


def uninstall() -> None:
    """Leave Celery as it was."""
    global _installed
    _installed = False
    while _connected:
        import_module(_connected.pop()).disconnect()
