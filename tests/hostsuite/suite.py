"""Running the host's test suite in a process of its own, on a database that the host has for development."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.services import ROOT

RUNNERS: Final[Mapping[str, tuple[str, ...]]] = {
    "manage.py test": ("-m", "django", "test", "tests.hostsuite.host.shop", "--pattern", "cases.py"),
    "manage.py test --parallel": (
        *("-m", "django", "test", "tests.hostsuite.host.shop", "--pattern", "cases.py"),
        *("--parallel", "2"),
    ),
    "pytest": ("-m", "pytest", "tests/hostsuite/host/shop/cases.py", "-c", "tests/hostsuite/host/pytest.ini"),
}


@dataclass
class Outcome:
    """How a run of the suite has ended, and what it took in seconds of the processor."""

    status: int
    output: str
    cpu_s: float


def environment(folder: Path, database: Mapping[str, Any], models: str, *, traced: bool) -> dict[str, str]:
    """The environment of the host's processes, whose temporary files go to `folder`/tmp."""
    (folder / "tmp").mkdir(exist_ok=True)
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.hostsuite.host.settings",
        "HOST_DATABASE": json.dumps(database),
        "HOST_WITH_LLMTRACE": "1" if traced else "0",
        "HOME": str(folder / "tmp"),
        "OPENAI_API_KEY": "sk-only-for-tests",
        "OPENAI_BASE_URL": models,
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder / "tmp"),
    }


def manage(env: Mapping[str, str], *arguments: str) -> None:
    """Run a management command of the host's."""
    subprocess.run([sys.executable, "-m", "django", *arguments], cwd=ROOT, env=env, check=True, capture_output=True)


def run(runner: str, env: Mapping[str, str], *more: str) -> Outcome:
    """Run the suite with one of `RUNNERS`."""
    before = _cpu_s()
    done = subprocess.run(
        [sys.executable, *RUNNERS[runner], *more],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Outcome(done.returncode, done.stdout + done.stderr, _cpu_s() - before)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
