"""The pages in German, for one language that is not the one they were written in."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import pytest
from django.test import Client, override_settings

import llmtrace
from tests.dashboard import rows
from tests.dashboard.rows import TRACE

FOLDER = Path(llmtrace.__file__).parent / "locale" / "de" / "LC_MESSAGES"
TEXT = r'"((?:[^"\\]|\\.)*)"'
PLACES = re.compile(r"%\(\w+\)s|</?\w+>")


def entries() -> dict[str, list[str]]:
    """What the source has for each text: one translation, or one for each number."""
    blocks = (FOLDER / "django.po").read_text().split("\n\n")[1:]
    found = {}
    for block in blocks:
        original, *translated = [
            each.encode().decode("unicode_escape").encode("latin-1").decode()
            for each in re.findall(rf"^msg(?:id|str(?:\[\d\])?) {TEXT}", block, re.MULTILINE)
        ]
        found[original] = translated
    return found


def test_every_text_is_translated_with_its_places_and_tags() -> None:
    for original, translated in entries().items():
        assert all(translated), original
        for each in translated:
            assert sorted(PLACES.findall(each)) == sorted(PLACES.findall(original))


def test_what_is_compiled_is_what_is_written() -> None:
    with (FOLDER / "django.mo").open("rb") as compiled:
        catalog = gettext.GNUTranslations(compiled)
    for original, translated in entries().items():
        assert [catalog.ngettext(original, "", 1 + number) for number in range(len(translated))] == translated or (
            catalog.gettext(original) == translated[0]
        )


@pytest.mark.django_db
def test_a_trace_is_told_in_german(client_of_reader: Client) -> None:
    rows.shop_trace()
    with override_settings(LANGUAGE_CODE="de"):
        page = client_of_reader.get(f"/admin/llmtrace/trace/{TRACE}/?span={'1' * 16}").content.decode()
        recent = client_of_reader.get("/admin/llmtrace/span/").content.decode()
    for word in (
        "Ganze Geschichte",
        "Unterhaltung",
        "Verbrauch und Preis",
        "davon 1\u202f536 aus dem Cache",
        "Versuch 2",
    ):
        assert word in page
    for word in ("Neueste Spans", "Langsame Aufrufe, ab 5 s", "Erstes Stück"):
        assert word in recent
