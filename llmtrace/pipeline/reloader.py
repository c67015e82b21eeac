"""Development servers that begin anew when a file changes: what their reloader does to the process that serves."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

from llmtrace.conf import ExporterConfig

VARIABLES: Final = ("RUN_MAIN", "WERKZEUG_RUN_MAIN")  # of Django's `runserver` and of Werkzeug's
PATIENCE_S: Final = 0.25  # at a person's elbow; what is on disk by then is sent by the process that comes next


def is_reloaded() -> bool:
    """Whether a reloader has started this process.

    It kills the process 0.25 s after Ctrl-C, which is as long as `subprocess.run` waits, and at once when it is told to
    end itself.
    """
    return any(os.environ.get(name) == "true" for name in VARIABLES)


def durable(entry: ExporterConfig) -> ExporterConfig:
    """`entry` with each span on disk before its call returns: there is no other time for it."""
    return replace(entry, queue=replace(entry.queue, durable=True))
