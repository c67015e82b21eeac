"""Values in SQL that follow the names of their columns."""

from __future__ import annotations

import json

import pytest

from llmtrace.filters.redact import redact_text

TEXTS = {
    "insert": "INSERT INTO users (name, password) VALUES ('bob, the \\'first', '{}'), ('ann', '{}');",
    "functions": "INSERT INTO users (created, password) VALUES (now(), '{}'),\n  (date('now', 'utc'), '{}')",
    "within functions": "insert into a (id, password) values (1, crypt('{}', gen_salt('bf'))), (2, md5('{}'))",
    "prefixes": "INSERT INTO users (password, age) VALUES (E'{}', 3), (N'{}', 4)",
    "casts": "INSERT INTO users (password, age) VALUES ('{}'::text, 3), ('{}' ::varchar(20), 4)",
    "mysql": 'INSERT IGNORE INTO `users` (`name`, `password`) VALUES ("bob", "{}"), ("ann", "{}");',
    "replace": "REPLACE INTO users (name, password) VALUES ('bob', '{}'), ('ann', '{}')",
    "sqlite": "INSERT OR REPLACE INTO users(name, token) VALUES('bob', '{}'),('ann', '{}')",
    "sql server": "INSERT INTO [dbo].[users] ([name], [password]) VALUES ('bob', N'{}'), ('ann', N'{}')",
    "in a text of Python's": "{{'q': 'INSERT INTO a (id, password) VALUES (\\'b\\', \\'{}\\'), (\\'c\\', \\'{}\\')'}}",
    "in a part of JSON": 'data: {{"sql": "INSERT INTO a (id, password) VALUES (\\"b\\", \\"{}\\"), (\'c\', \'{}\')"',
    "cut off": "INSERT INTO users (name, password) VALUES ('bob', '{}'), ('ann', '{}",
    "copy": "COPY public.users (id, name, password) FROM stdin;\n1\tbob\t{}\n2\tann\t{}\n\\.\n",
}
SECRETS = ("hunter2xY9", "swordfish7Q")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_they_are_masked_and_nothing_else_is(text: str) -> None:
    assert redact_text(text.format(*SECRETS)) == text.format("[REDACTED]", "[REDACTED]")
    assert not [secret for secret in SECRETS if secret in redact_text(json.dumps({"sql": text.format(*SECRETS)}))]


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO users (name, age) VALUES ('hunter2xY9', '3')",
        "INSERT INTO users (name, password) VALUES (%s, '%s'), (:name, :password), (?, ?)",
        "INSERT INTO users (name) VALUES ('bob') RETURNING password, 'hunter2xY9'",
        "Put it into boxes (red, password) and 'hunter2xY9'",
        "COPY users (name, age) FROM stdin;\nhunter2xY9\t3\n\\.\n",
    ],
)
def test_others_are_left(text: str) -> None:
    assert redact_text(text) == text
