"""The public names are typed as their users expect, seen with mypy's strict mode and the configuration of a project."""

from __future__ import annotations

import os
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


def type_checked(*files: Path) -> subprocess.CompletedProcess[str]:
    """mypy's word on `files`, as in a project that has llmtrace installed."""
    cache = ROOT / ".mypy_cache" / "typed"
    command = [
        sys.executable,
        "-m",
        "mypy",
        f"--config-file={TYPED / 'mypy.ini'}",
        "--follow-imports=silent",
        f"--cache-dir={cache}",
        *map(str, files),
    ]
    return subprocess.run(
        command, cwd=files[0].parent, capture_output=True, text=True, env={**os.environ, "MYPYPATH": str(ROOT)}
    )


def test_what_a_project_writes_has_the_types_it_expects() -> None:
    checked = type_checked(TYPED / "right.py")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_mistakes_are_found_where_they_are_made() -> None:
    file = TYPED / "wrong.py"
    lines = enumerate(file.read_text().splitlines(), 1)
    expected = {(number, code) for number, line in lines for code in EXPECTED.findall(line)}
    checked = type_checked(file)
    assert {(int(line), code) for line, code in FOUND.findall(checked.stdout)} == expected, checked.stdout


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_the_examples_of_a_page_are_typed(page: Path, tmp_path: Path) -> None:
    given = "" if page.name == "README.md" else "from tests.typed.given import *\n"
    for number, block in enumerate(PYTHON_BLOCK.findall(page.read_text())):
        (tmp_path / f"example_{number}.py").write_text(given + block)
    files = sorted(tmp_path.glob("*.py"))
    if page.name in ("README.md", "providers.md"):
        assert files
    if files:
        checked = type_checked(*files)
        assert checked.returncode == 0, checked.stdout + checked.stderr
