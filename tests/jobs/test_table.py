"""The table of situations: the same in the tests, the host's pages and the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from tests.jobs.checks import CHECKS
from tests.jobs.situations import SITUATIONS, table
from tests.services import ROOT

PAGE = ROOT / "docs" / "jobs.md"
PAGES = Path(__file__).parent / "site" / "views.py"


def test_the_documentation_has_the_table() -> None:
    assert table() in PAGE.read_text()


def test_each_situation_has_a_page_and_a_check() -> None:
    ids = [situation.id for situation in SITUATIONS]
    assert len(set(ids)) == len(ids) == 41
    assert set(ids) == set(CHECKS)
    pages = set(re.findall(r"^(?:async )?def (\w+)\(\) -> None:", PAGES.read_text(), re.MULTILINE))
    assert set(ids) - pages == {"by_beat"}
