"""Nothing of a secret is left, wherever in a span it was put."""

from __future__ import annotations

import pytest

from llmtrace.filters import Redact
from llmtrace.filters.redact import redact_text
from tests.filters.places import PLACES, texts_of
from tests.filters.secrets import TEXTS, TOKENS, planted, remains

REDACT = Redact()


def test_the_corpus_is_as_large_as_is_claimed() -> None:
    assert len(TOKENS) + len(TEXTS) >= 100
    assert len(list(planted(0))) * len(PLACES) >= 3000


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_left_in(place: str) -> None:
    left = {}
    for seed in (1,):
        for kind, secret, text in planted(seed):
            before = PLACES[place](text)
            assert remains(secret, texts_of(before)), f"{kind} was never in the {place}"
            if part := remains(secret, texts_of(REDACT(before))):
                left[kind] = part
    assert left == {}


def test_no_secret_is_left_in_the_text_of_an_error() -> None:
    assert {kind: text for kind, secret, text in planted(3) if remains(secret, redact_text(text))} == {}


def test_a_masked_text_does_not_change_again() -> None:
    for _, _, text in planted(4):
        once = redact_text(text)
        assert redact_text(once) == once
