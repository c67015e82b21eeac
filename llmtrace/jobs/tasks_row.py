"""What a task carries for tracing in the database backend (``django-tasks-db``): beside its arguments, in its row.

The row's `args_kwargs` is JSON of ``args`` and ``kwargs``, and workers read nothing else of it: one that is without
llmtrace runs the task as before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from django.db.models.signals import pre_save

from llmtrace.conf import get_config
from llmtrace.jobs import message
from llmtrace.jobs.tasks import loaded
from llmtrace.mistakes import guarded
from llmtrace.tracing import attributes as trace_attributes

KEY: Final = "llmtrace"
UID: Final = "llmtrace.jobs.tasks_row"
MODELS: Final = ("django_tasks_db.models", "django_tasks.backends.database.models")


def connect() -> None:
    """Write what is to go along into each new row. Safe to call again."""
    for module in loaded(*MODELS):
        pre_save.connect(_write, sender=module.DBTaskResult, weak=False, dispatch_uid=UID)


def disconnect() -> None:
    """Leave Django as it was."""
    for module in loaded(*MODELS):
        pre_save.disconnect(sender=module.DBTaskResult, dispatch_uid=UID)


@guarded("What a task carries for tracing could not be written.")
def _write(*, instance: Any, raw: bool, **_: Any) -> None:
    if raw or not instance._state.adding or not get_config().enabled or KEY in instance.args_kwargs:
        return
    headers: dict[str, Any] = {}
    message.write(headers, time.time(), trace_attributes.current())
    instance.args_kwargs = {**instance.args_kwargs, KEY: headers}


def carried(result: Any) -> Mapping[str, Any]:
    """What a task's row carries; nothing where there is no row."""
    kept = getattr(getattr(result, "db_result", None), "args_kwargs", None)
    headers = kept.get(KEY) if isinstance(kept, Mapping) else None
    return headers if isinstance(headers, Mapping) else {}
