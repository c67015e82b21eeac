"""A Python process of its own with Django and llmtrace in it, for what can be tried only once in each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PRELUDE: Final = """
from django.conf import settings
settings.LLMTRACE = {llmtrace!r}
"""


def run(code: str, llmtrace: dict[str, Any], *, status: int | None = 0, **environment: str) -> str:
    """What a script prints that begins with `llmtrace` as its ``LLMTRACE`` setting, before ``django.setup()``.

    Args:
        code: the script.
        llmtrace: the setting; literals only.
        status: what the process has to exit with, None for whatever.
        **environment: more environment variables.
    """
    script = PRELUDE.format(llmtrace=llmtrace) + textwrap.dedent(code)
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "TMPDIR": _temporary(), **environment},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert status is None or result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr, result.stderr
    return result.stdout


def _temporary() -> str:
    """A temporary directory for one process, which spools there and finds nothing that another has left."""
    return tempfile.mkdtemp(dir=os.environ["LLMTRACE_TEST_DIRECTORY"])


def lines(path: Path) -> list[Any]:
    """The JSON lines of a file that are whole, as a process may be writing it; none if it isn't there."""
    written = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in written[: written.rfind(b"\n") + 1].splitlines()]
