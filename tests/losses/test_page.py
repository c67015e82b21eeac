"""The page has the table as a run prints it."""

from __future__ import annotations

import re

from tests.losses.test_backends import TROUBLES
from tests.losses.test_endings import SITUATIONS
from tests.services import ROOT


def test_the_page_has_each_situation_and_nothing_else_was_lost() -> None:
    page = (ROOT / "docs" / "exporters.md").read_text()
    section = page.partition("## What is lost")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", section, re.MULTILINE))
    troubles = {f"backend {trouble} until the process has gone" for trouble in TROUBLES}
    assert rows.keys() >= SITUATIONS.keys() | troubles
    for situation in SITUATIONS.keys() | troubles:
        for counted in re.findall(r"(\d+) of (\d+)", rows[situation]):
            assert counted[0] == counted[1], situation
