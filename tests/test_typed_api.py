"""The public names are typed as their users expect, seen with mypy's strict mode and without our own configuration."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import ROOT

TYPED = ROOT / "tests" / "typed"
FOUND = re.compile(r"^[^:]+:(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$", re.MULTILINE)
EXPECTED = re.compile(r"# E: ([a-z-]+)")
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def type_checked(file: Path) -> subprocess.CompletedProcess[str]:
    """mypy's word on `file`, as in a project that has llmtrace installed."""
    cache = ROOT / ".mypy_cache" / "typed"
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--follow-imports=silent",
        f"--cache-dir={cache}",
        str(file),
    ]
    return subprocess.run(command, cwd=file.parent, capture_output=True, text=True, env={"MYPYPATH": str(ROOT)})


def test_what_a_project_writes_has_the_types_it_expects() -> None:
    checked = type_checked(TYPED / "right.py")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_mistakes_are_found_where_they_are_made() -> None:
    file = TYPED / "wrong.py"
    lines = enumerate(file.read_text().splitlines(), 1)
    expected = {(number, code) for number, line in lines for code in EXPECTED.findall(line)}
    checked = type_checked(file)
    assert {(int(line), code) for line, code in FOUND.findall(checked.stdout)} == expected, checked.stdout


def test_the_examples_of_the_readme_are_typed(tmp_path: Path) -> None:
    blocks = PYTHON_BLOCK.findall((ROOT / "README.md").read_text())
    assert blocks
    for number, block in enumerate(blocks):
        (tmp_path / f"example_{number}.py").write_text(block)
        checked = type_checked(tmp_path / f"example_{number}.py")
        assert checked.returncode == 0, f"{block}\n{checked.stdout}{checked.stderr}"
