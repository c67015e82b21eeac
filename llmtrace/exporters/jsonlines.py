"""The exporter that appends spans to a file, one JSON object a line."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter

from llmtrace.exporters.plain import as_plain
from llmtrace.jsontext import as_json
from llmtrace.pipeline.outcome import Exported, RetryLater

MODE: Final = 0o600  # what people and models said is in it


class JSONLines(SpanExporter):
    """Appends each span as a line of JSON, with content as structures.

    Any number of processes may write to one file: each batch goes in whole or not at all. The file is opened for each
    batch, so that it can be moved away or removed in between.

    Args:
        path: the file; it is made when the first span comes, readable by its owner alone. Its folder has to be there.
    """

    structured_content = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the values of these options, in words without a value; see `llmtrace.backends`."""
        path = options.get("path")
        return None if isinstance(path, (str, os.PathLike)) and str(path) else 'has a "path" that is none'

    def export(self, spans: Sequence[ReadableSpan]) -> Exported:  # type: ignore[override]
        """Append `spans`.

        Raises:
            llmtrace.pipeline.outcome.RetryLater: nothing was written; the disk is full, or the folder is not there.
        """
        lines = "".join(f"{as_json(as_plain(span))}\n" for span in spans).encode()
        try:
            self._append(lines)
        except OSError as error:
            raise RetryLater(f"the file cannot be written: {os.strerror(error.errno or 0)}") from None
        return Exported(len(spans))

    def _append(self, lines: bytes) -> None:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, MODE)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = os.fstat(file).st_size
            if end and os.pread(file, 1, end - 1) != b"\n":  # a process was killed in the middle of a line
                lines = b"\n" + lines
            _write(file, lines, end)
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)  # a child that was forked meanwhile has the file open as well
            os.close(file)

    def shutdown(self) -> None:
        """Nothing is kept open."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits in here."""
        return True


def _write(file: int, data: bytes, end: int) -> None:
    """Write all of `data`, or leave the file as it was, `end` bytes long."""
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        os.ftruncate(file, end)
        raise
