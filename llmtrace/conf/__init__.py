"""The ``LLMTRACE`` setting: defaults, types, and the list of what is wrong with it.

Reading never raises: a wrong value is replaced by its default and becomes a `Problem`, which the system checks show and
which is logged once where checks don't run.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

from llmtrace.conf.reader import read
from llmtrace.conf.shapes import (
    DATABASE_BACKEND,
    ROOT,
    BackendConfig,
    Config,
    ExporterConfig,
    JobsConfig,
    Problem,
    QueueConfig,
    SpoolConfig,
)

__all__ = [
    "DATABASE_BACKEND",
    "ROOT",
    "BackendConfig",
    "Config",
    "ExporterConfig",
    "JobsConfig",
    "Problem",
    "QueueConfig",
    "SpoolConfig",
    "get_config",
    "read",
]


def get_config() -> Config:
    """The configuration in force. Cached until ``LLMTRACE`` changes."""
    return _read()


@cache
def _read() -> Config:
    return read(getattr(settings, ROOT, None))


def _reset(*, setting: str, **_: Any) -> None:
    if setting == ROOT:
        _read.cache_clear()


setting_changed.connect(_reset, dispatch_uid="llmtrace.conf")
