"""Characters that nobody sees hide no secret from redaction."""

from __future__ import annotations

import json
import re
import sys
import unicodedata

import pytest

from llmtrace.filters.invisible import INVISIBLE, INVISIBLE_ESCAPED
from llmtrace.filters.redact import redact_text
from llmtrace.filters.redactor import Redactor

CONTROLS = [chr(code) for code in (*range(32), 127) if not chr(code).isspace()]
SELECTORS = ["\u034f", *map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0))]
FORMATS = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]


def test_all_that_unicode_has_are_known() -> None:
    assert len(FORMATS) > 150
    for invisible in (*CONTROLS, *SELECTORS, *FORMATS):
        assert re.fullmatch(INVISIBLE, invisible), hex(ord(invisible))
        escaped = json.dumps(invisible)[1:-1]
        assert escaped == "\\b" or re.fullmatch(INVISIBLE_ESCAPED, escaped) or invisible == "\x7f"


def test_nothing_that_is_seen_is_among_them() -> None:
    seen = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] in "LPSZ"]
    assert not [each for each in seen if re.fullmatch(INVISIBLE, each)]


@pytest.mark.parametrize(
    "invisible",
    ["\0", "\b", "\x7f", "\u00ad", "\u034f", "\u200b", "\u202e", "\u2063", "\ufe0f", "\ufeff\u200d", "\U000e0041"],
)
def test_a_secret_is_masked_where_they_stand_in_it_or_in_its_name(invisible: str) -> None:
    token = f"ghp_abcdefgh{invisible}1234567890ABCDEFGHIJKLMNOP0123"
    assert redact_text(f"It is {token} now") == "It is [REDACTED] now"
    for escaped in (True, False):
        assert redact_text(json.dumps([token], ensure_ascii=escaped)) == '["[REDACTED]"]'
        assert Redactor().may_change(json.dumps([json.dumps([token], ensure_ascii=escaped)]).encode())
    assert redact_text(f"pass{invisible}word: hunter2xY9") == "password: [REDACTED]"
    assert redact_text(f"password{invisible}: hunter2xY9") == "password: [REDACTED]"


def test_they_stay_where_no_secret_is() -> None:
    text = "fa\u00admily \U0001f468\u200d\U0001f469\u200d\U0001f467, key password"
    assert redact_text(text) == text


def test_those_of_pictures_and_colours_stay_where_a_secret_is() -> None:
    text = "\U0001f468\u200d\U0001f469 \u2764\ufe0f 1\ufe0f\u20e3 \x1b[1mbold\x1b[0m "
    assert redact_text(f"{text}pass\u200bword: hunter2xY9") == f"{text}password: [REDACTED]"
