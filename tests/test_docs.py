"""The pages that people read lead where they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.services import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]+\]\((?P<file>[^)#\s]*)(?:#(?P<section>[^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchor(heading: str) -> str:
    """The name of a heading in a link, as Markdown renderers of code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_pages_and_sections_that_exist(page: Path) -> None:
    for link in LINK.finditer(page.read_text()):
        if "://" in link["file"]:
            continue
        target = page.parent / link["file"] if link["file"] else page
        assert target.exists(), link[0]
        if link["section"]:
            assert link["section"] in map(anchor, HEADING.findall(target.read_text())), link[0]
