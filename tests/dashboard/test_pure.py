"""What turns spans into rows, bars and words needs neither Django nor any SDK."""

import subprocess
import sys

import pytest

PURE = (
    "conversation", "details", "events", "figures", "kinds", "lines", "parts", "plaintext", "story", "tree",
    "waterfall",
)  # fmt: skip
WITHOUT = "import sys; sys.modules.update(dict.fromkeys(('django', 'opentelemetry', 'openai', 'celery'))); import "


@pytest.mark.parametrize("module", PURE)
def test_it_is_imported_where_there_is_no_django(module: str) -> None:
    code = f"{WITHOUT}llmtrace.dashboard.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
