"""Hardly anything that only looks like a secret is masked."""

from __future__ import annotations

import json

import pytest

from llmtrace.filters import Redact
from llmtrace.filters.redact import redact_text
from tests.filters.lookalikes import lookalikes
from tests.filters.places import PLACES, texts_of

REDACT = Redact()
MOST = 0.01


def test_there_are_enough_of_them() -> None:
    assert len(set(lookalikes(0))) >= 300


def test_of_harmless_texts_at_most_one_in_a_hundred_is_masked() -> None:
    texts = list(lookalikes(1))
    masked = [text for text in texts if redact_text(text) != text]
    assert len(masked) <= MOST * len(texts), masked


@pytest.mark.parametrize(
    "place", ["message", "result of a tool as JSON", "metadata", "name of the span", "stack trace"]
)
def test_of_harmless_texts_at_most_one_in_a_hundred_is_masked_in(place: str) -> None:
    made = [PLACES[place](text) for text in lookalikes(2)]
    masked = [texts_of(span) for span in made if texts_of(REDACT(span)) != texts_of(span)]
    assert len(masked) <= MOST * len(made), masked


def test_a_harmless_text_among_others_is_left_as_it_is() -> None:
    whole = "\n".join(text for text in lookalikes(3) if redact_text(text) == text)
    changed = redact_text(whole)
    before, after = whole.splitlines(), changed.splitlines()
    assert len(before) == len(after)
    masked = [one for one, other in zip(before, after, strict=True) if one != other]
    assert len(masked) <= MOST * len(before), masked


def test_the_texts_of_a_tool_s_schema_are_left() -> None:
    schema = {
        "name": "sign_in",
        "description": "Signs a user in with a password or an API key.",
        "parameters": {
            "type": "object",
            "properties": {
                "password": {"type": "string", "description": "The user's password"},
                "api_key": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
                "token": {"type": "string", "enum": ["short-lived", "long-lived-2"]},
            },
            "required": ["password", "api_key"],
        },
    }
    assert redact_text(json.dumps(schema)) == json.dumps(schema)
