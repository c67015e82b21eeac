"""The commands that a person types on a fresh machine, and what CI runs."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.services import ROOT


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


def old_python(folder: Path) -> str:
    """A stand-in for an interpreter that fails each test of its version."""
    python = folder / "python3"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    return str(python)


@pytest.mark.parametrize("kind", ["missing", "too old"])
def test_without_a_fitting_python_make_says_what_to_do(kind: str, tmp_path: Path) -> None:
    python = old_python(tmp_path) if kind == "too old" else str(tmp_path / "nowhere")
    made = make("test", f"VENV={tmp_path / 'venv'}", f"PYTHON={python}")
    assert made.returncode != 0
    assert f"No Python 3.11 or newer with venv among: {python}." in made.stderr
    assert "make PYTHON=" in made.stderr
    assert not (tmp_path / "venv").exists()


def test_help_says_what_each_command_does() -> None:
    commands = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert commands
    described = dict(line.split(maxsplit=1) for line in make("help").stdout.splitlines())
    assert list(described) == commands.group(1).split()


def test_ci_runs_the_commands_that_the_readme_gives() -> None:
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    for command in ("make test", "make demo"):
        assert re.search(rf"^\s*\$?\s*{command}\b", readme, re.MULTILINE), f"README.md does not give `{command}`"
        assert re.search(rf"^step \w+ {command}\b", ci, re.MULTILINE), f".ci/run does not run `{command}`"
