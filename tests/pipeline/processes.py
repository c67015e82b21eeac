"""Processes that share a folder for what they cannot send, and the file that their exporter writes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.interpreter import PRELUDE, ROOT, lines

BEGIN = """
import os, signal, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads where there is a fork
import django
django.setup()
from llmtrace.pipeline.fanout import fanout
from llmtrace.tracing.setup import flush
from tests.pipeline.making import account, span
"""
STAY = """
print("ready", flush=True)
sys.stdin.read()
"""


class Neighbours:
    """Processes of one site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool = folder / "spool"
        self.exported = folder / "exported"

    def names(self) -> list[str]:
        """What has been exported, in order."""
        return [line["name"] for line in lines(self.exported)]

    def settings(self, away: bool = False, **queue: Any) -> dict[str, Any]:
        """``LLMTRACE`` with an exporter to a file, which is `away` for as long as the process lives."""
        exporter = {
            "NAME": "file",
            "BACKEND": "tests.pipeline.exporters." + ("Away" if away else "File"),
            "OPTIONS": {} if away else {"path": str(self.exported)},
            "QUEUE": {"delay": 0.05, **queue},
        }
        return {"EXPORTERS": [exporter], "SPOOL": {"DIRECTORY": str(self.spool)}, "EXIT_TIMEOUT": 2.0}

    @contextmanager
    def running(self, code: str, llmtrace: dict[str, Any], *, stays: bool = False) -> Iterator[subprocess.Popen[str]]:
        """A process that runs `code` after ``django.setup()``; it is killed in the end if it has not ended.

        One that `stays` writes a line when it has run the code, and ends when its standard input is closed.
        """
        script = PRELUDE.format(llmtrace=llmtrace) + BEGIN + textwrap.dedent(code) + (STAY if stays else "")
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "TMPDIR": str(self.folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def waiting(self) -> Iterator[subprocess.Popen[str]]:
        """A process that ends no span and whose exporter works."""
        with self.running("fanout.pipes()", self.settings(), stays=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
