"""Values whose names stand apart: columns of tables and of INSERTs, items of lists."""

from __future__ import annotations

import json

import pytest

from llmtrace.filters.redact import redact_text

TEXTS = {
    "comma": "name,password,age\nbob,{},3\nann,{},4\n",
    "last column": "id;user;db_password\r\n1;bob;{}\r\n2;ann;{}\r\n",
    "tabs and quotes": '"user"\t"api_key"\n"bob"\t"{}"\n"ann"\t"{}"',
    "insert": "INSERT INTO users (name, password) VALUES ('bob, the \\'first', '{}'), ('ann', '{}');",
    "list": 'database:\n  passwords:\n    - {}\n    - "{}"\n  port: 5432\n',
}
SECRETS = ("hunter2xY9", "swordfish7Q")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_they_are_masked_and_nothing_else_is(text: str) -> None:
    found = redact_text(text.format(*SECRETS))
    assert not [secret for secret in SECRETS if secret in found]
    assert found.replace('"[REDACTED]"', "[REDACTED]") == text.format("[REDACTED]", "[REDACTED]").replace(
        '"[REDACTED]"', "[REDACTED]"
    )
    assert not [secret for secret in SECRETS if secret in redact_text(json.dumps({"rows": text.format(*SECRETS)}))]


@pytest.mark.parametrize(
    "text",
    [
        "name,password\nbob,\nann,required\n",
        "user,token_count\nbob,12345\n",
        "INSERT INTO users (name, age) VALUES ('hunter2xY9', '3')",
        "passwords:\n- long\n- without spaces\n",
        "Send password,\nthen wait for 10 seconds2\n",
    ],
)
def test_others_are_left(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize("joint", ["\u200b", "\u00ad", "\ufeff\u200d"])
def test_characters_without_width_hide_nothing(joint: str) -> None:
    token = f"ghp_abcdefgh{joint}1234567890ABCDEFGHIJKLMNOP0123"
    assert redact_text(f"It is {token} now") == "It is [REDACTED] now"
    assert redact_text(json.dumps([token])) == '["[REDACTED]"]'
    assert redact_text(f"pass{joint}word: hunter2xY9") == "password: [REDACTED]"


def test_characters_without_width_stay_where_no_secret_is() -> None:
    text = "fa\u00admily \U0001f468\u200d\U0001f469\u200d\U0001f467, key password"
    assert redact_text(text) == text
