"""Secrets in what tools are called with: commands as lists, fields that are typed into, changes, outputs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmtrace.filters.redact import redact_text

SECRET = "hunter2xY9"
MASK = "[REDACTED]"
CALLS: dict[str, Any] = {
    "options": {"args": ["--user", "bob", "--password", SECRET]},
    "short options": ["redis-cli", "-h", "cache", "-a", SECRET, "ping"],
    "glued options": {"command": ["mysql", "-uroot", f"-p{SECRET}", "shop"]},
    "a shell": ["bash", "-c", f"echo {SECRET} | sudo -S apt update"],
    "a selector": {"selector": "#password", "text": SECRET},
    "a selector of an attribute": {"selector": "input[name=password]", "value": SECRET},
    "an element": {"element": "Password field", "ref": "e23", "text": SECRET},
    "a change": {"field": "password", "old": SECRET, "new": SECRET},
    "a patch": {"op": "replace", "path": "/password", "value": SECRET},
    "a question": {"question": "What is your password?", "answer": SECRET},
    "a prompt": {"prompt": "Password:", "input": SECRET},
    "outputs of Terraform": {"outputs": {"db_password": {"value": SECRET, "type": "string", "sensitive": True}}},
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_they_are_masked_and_nothing_else_is(call: Any) -> None:
    text = json.dumps(call)
    assert redact_text(text) == text.replace(SECRET, MASK)
    assert SECRET not in redact_text(json.dumps({"arguments": text}))


@pytest.mark.parametrize("word", ["sunshine", "letmein"])
def test_what_is_typed_into_a_field_for_passwords_is_one_whatever_it_looks_like(word: str) -> None:
    text = json.dumps({"element": "Password textbox", "text": word})
    assert redact_text(text.replace(" textbox", "")) == text.replace(" textbox", "").replace(word, MASK)


def test_what_a_failed_command_was_called_with_is_masked() -> None:
    said = "Command '['mysql', '-uroot', '-p{}', 'shop']' returned non-zero exit status 1."
    assert redact_text(said.format(SECRET)) == said.format(MASK)


@pytest.mark.parametrize(
    "call",
    [
        {"element": "Login button", "ref": "e12"},
        {"selector": "#search", "text": "iphone15pro case2"},
        {"element": "Forgot password link", "ref": "e14"},
        {"path": "src/auth/password.py", "text": "assert login2fa"},
        {"path": "/accounts/password/reset", "status": 200},
        {"question": "How do I reset my password?", "answer": "Click on the link 'Forgot password' there."},
        {"field": "status", "old": "pending1a", "new": "done2b"},
        {"name": "password", "type": "string", "default": None, "description": "The password to log in with"},
        {"args": ["--model", "gpt-4o-mini", "--max-tokens", "4096"]},
        {"args": ["--key-file", "/etc/ssl/private/shop.pem"]},
        ["git", "commit", "-m", "Fix password reset2fa"],
        ["docker", "run", "-p", "8080:80", "nginx:1.25-alpine"],
        ["pytest", "-p", "no:cacheprovider", "tests/test_login2.py"],
        ["- my password", "- is long4x", "- and new"],
    ],
    ids=str,
)
def test_others_are_left(call: Any) -> None:
    assert redact_text(json.dumps(call)) == json.dumps(call)
