"""A format of log lines for hosts whose output a test reads; without Django, which is not there yet when logging is."""

from __future__ import annotations

import logging


class Marked(logging.Formatter):
    """Puts the logger's name before each line of a record, those of a traceback too."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(f"{record.name}| {line}" for line in super().format(record).splitlines())
