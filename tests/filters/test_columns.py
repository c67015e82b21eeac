"""Values whose names stand apart: columns of tables, items of lists."""

from __future__ import annotations

import json

import pytest

from llmtrace.filters.redact import redact_text

TEXTS = {
    "comma": "name,password,age\nbob,{},3\nann,{},4\n",
    "last column": "id;user;db_password\r\n1;bob;{}\r\n2;ann;{}\r\n",
    "tabs and quotes": '"user"\t"api_key"\n"bob"\t"{}"\n"ann"\t"{}"',
    "separators and lines within cells": 'name,password,note\nbob,{},"a, b"\nann,{},"She said ""x"",\nand left"\n',
    "a row with one cell less": "id,password,name\n1,{}\n2,{},ann\n",
    "a row with one cell more": "name,password,age\nbob,{},3,4\nann,{},4\n",
    "blank lines between rows": "id,name,password\n\n1,bob,{}\n\n2,ann,{}\n",
    "ends of lines doubled": "name,password\r\r\nbob,{}\r\r\nann,{}\r\r\n",
    "spaces after separators": "name, password, age\nbob, {}, 3\nann, {}, 4",
    "headings of words": "API key, user name\n{}, bob\n{}, ann",
    "a mark before the headings": "\ufeffUser name,Access key ID,Secret access key\r\nbob,x,{}\r\nann,y,{}\r\n",
    "indented": "The users:\n\n    name,password\n    bob,{}\n    ann,{}\n\nThat is all, folks",
    "numbered rows": ",name,password\n0,bob,{}\n1,ann,{}\n",
    "tokens": "id,token\n1,{}\n2,{}\n",
    "one table after another": "id,token\n1,{}\nname,age,password\nann,4,{}\n",
    "markdown": "| user | password |\n|------|:--------:|\n| bob  | `{}` |\n| ann  | {} |\n",
    "psql": " id | user | password\n----+------+-----------\n  1 | bob  | {}\n  2 | ann  | {}\n(2 rows)\n",
    "mysql": "+------+-----+\n| user | pwd |\n+------+-----+\n| bob  | {} |\n| ann  | {} |\n+------+-----+\n",
    "list": 'database:\n  passwords:\n    - {}\n    - "{}"\n  port: 5432\n',
}
SECRETS = ("hunter2xY9", "swordfish7Q")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_they_are_masked_and_nothing_else_is(text: str) -> None:
    found = redact_text(text.format(*SECRETS))
    assert found == text.format("[REDACTED]", "[REDACTED]")
    assert not [secret for secret in SECRETS if secret in redact_text(json.dumps({"rows": text.format(*SECRETS)}))]


def test_in_a_row_without_its_first_cell_the_one_before_its_place_is_masked() -> None:
    assert redact_text("name,password,age\nswordfish,3\nann,x,4") == "name,password,age\n[REDACTED],3\nann,x,4"


@pytest.mark.parametrize("password", ["letmein", "love", "correct horse", "12345", "a(b)c!"])
def test_a_value_in_a_column_of_passwords_is_one_whatever_it_looks_like(password: str) -> None:
    assert redact_text(f"password,strength\n{password},weak\n") == "password,strength\n[REDACTED],weak\n"


def test_in_markdown_which_compares_things_too_it_has_to_look_like_one() -> None:
    compared = "| Feature | API keys | Password |\n|---|---|---|\n| Rotation | manual | automatic, by an admin |\n"
    assert redact_text(compared) == compared
    found = "+-------+\n| user | password |\n+-------+\n| bob | letmein |\n"
    assert redact_text(found) == found.replace("letmein", "[REDACTED]")


@pytest.mark.parametrize(
    "text",
    [
        "name,password\nbob,\nann,required\n",
        "user,token_count\nbob,12345\n",
        "passwords:\n- long\n- without spaces\n",
        "secrets:\n  - db_password_v2\n  - tls-cert-2024\n",
        "Send password,\nthen wait for 10 seconds2\n",
        "Dear user, your password\nhello, friend9\n",
        "user,password\nbob,required\n\nRegards, Alexander\n",
        "The columns are\nid,name,api_key\nand there are 3 rows, thanks",
        "password,token\nreturn a,b",
        "return user, password\n\ndef greet(person, message99):\n    pass",
        "SELECT id, password\nFROM users, tokens2",
        "SELECT id\n    , password\n    , first_name\nFROM users",
        'required = [\n    "username", "password",\n    "email", "first_name",\n]',
        "from accounts import (\n    username, password,\n    email, first_name,\n)",
        "for user, password in users:\n    check(user, password99)\n",
        "API key\tRequired\nModel name\tgpt-4o\n",
        "| Name | Type |\n|---|---|\n| password | string |\n| username | varchar99 |",
    ],
)
def test_others_are_left(text: str) -> None:
    assert redact_text(text) == text
