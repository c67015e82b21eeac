"""A user's name and password in a format of their own, phrases, questions and answers, and tables without signs."""

from __future__ import annotations

import json

import pytest

from llmtrace.filters.redact import redact_text

MASK = "[REDACTED]"
SECRET = "hunter2xY9"
TEXTS = (
    "Credentials: bob / {}",
    "login / password: bob / {}",
    "Zugangsdaten: bob / {}",
    "root:{}@tcp(127.0.0.1:3306)/shop",
    "ParseResult(scheme='postgres', netloc='shop:{}@db', path='/shop')",
    "jdbc:oracle:thin:scott/{}@db:1521:XE",
    "db.example:5432:shop:bob:{}\n",
    '<input value="{}" type="password" id="x">',
    "USER bob\r\nPASS {}\r\n",
    "C: 0001 LOGIN bob {}",
    "https://accounts.example/verify-email/4fK2xM9pQ7wZ3nB8{}",
    "UPDATE users SET password = crypt('{}', gen_salt('bf')) WHERE id=1",
    "SELECT * FROM users WHERE password LIKE '{}'",
    "SELECT * FROM users WHERE token IN ('{}', '{}')",
    'password: ENV.fetch("X", "{}")',
    '~ password = "{}" -> "{}"',
    "Q: What's your password? A: {}",
    "What is your password?\n{}",
    "assistant: Please enter your password.\nuser: {}",
    "the passwords are {} and {}",
    "passwords: {}, {}",
    "Change password from {} to {}",
    "user    password\n------  ----------\nbob     {}\nann     {}\n",
    "NAME      TYPE     TOKEN\nshop      Opaque   {}\n",
    "  user    password\n0  bob  {}\n1  ann  {}\n",
    "\u2502 user \u2502 password \u2502\n\u251c\u2500\u253c\u2500\u2524\n\u2502 bob \u2502 {} \u2502\n",
    "\u2503 user \u2503 password \u2503\n\u2521\u2501\u2547\u2501\u2529\n\u2502 bob \u2502 {} \u2502\n",
)


@pytest.mark.parametrize("text", TEXTS)
def test_they_are_masked_and_nothing_else_is(text: str) -> None:
    link = "4fK2xM9pQ7wZ3nB8"
    assert redact_text(text.format(SECRET, SECRET)) == text.format(MASK, MASK).replace(link, "")
    assert SECRET not in redact_text(json.dumps({"rows": text.format(SECRET, SECRET)}))


def test_below_a_rule_of_hyphens_a_password_is_one_whatever_it_looks_like() -> None:
    text = "user    password\n------  ----------\nbob     {}\n"
    assert redact_text(text.format("sunshine")) == text.format(MASK)
    without = "user    password\nbob     sunshine\n"
    assert redact_text(without) == without


def test_a_password_in_braces_is_masked() -> None:
    assert SECRET not in redact_text(f"DRIVER={{PostgreSQL}};SERVER=db;UID=sa;PWD={{{SECRET}}}")


PHRASE = "abandon ability able about above absent absorb abstract absurd abuse access accident"


def test_phrases_of_words_are_masked() -> None:
    for text in ("seed phrase: {}", "My recovery phrase is {}", 'mnemonic: "{}"', "backup words: {}."):
        assert redact_text(text.format(PHRASE)) == text.format(MASK)
    for text in ("passphrase: {}", "The passphrase of my key is {}\n"):
        assert redact_text(text.format("correct horse battery staple")) == text.format(MASK)


@pytest.mark.parametrize(
    "text",
    [
        "Credentials: username / password",
        "credentials: bob and ann",
        "Credentials: see the wiki / page 2",
        "login/password: see below",
        "tcp(127.0.0.1:3306)/shop1",
        "jdbc:oracle:thin:@db1:1521:XE",
        "main.go:123:45:error:undefined1x",
        "127.0.0.1:5432:shop",
        '<input value="Search1a" type="submit">',
        "USER 1000:1000",
        "250-AUTH LOGIN PLAIN XOAUTH2",
        "PASS src/components/login2fa.test.js",
        "https://example.com/invite/friends-and-family-2024",
        "https://example.com/confirm/3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "What is your password policy?\nWe require12 characters.",
        "Please enter your password.\nThen click2 on Login.",
        "the passwords are hashed and salted",
        "passwords: never reuse, never share",
        "seed phrase: never share it with anyone",
        "A seed phrase is a list of words that store all the information needed to recover your funds on chain",
        "passphrase: choose several random words and separate them with spaces",
        "NAME       TYPE     DATA   AGE\nshop-db    Opaque   3      12d\n",
        "Field       Type          Null  Key  Default\npassword    varchar(128)  NO         NULL\n",
        "MODEL          TOKENS     COST\ngpt-4o-mini    1234       0.01\n",
        "option       default   meaning\npassword     None      the password\ntoken        None      the token2x\n",
        "| Method | Auth |\n|---|---|\n| GET | JWT-HS256 |\n| POST | OAuth2 |",
        "Two  spaces  after  a  password\nare  no  table2x  at  all99\n",
    ],
)
def test_others_are_left(text: str) -> None:
    assert redact_text(text) == text
