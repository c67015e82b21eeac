"""Of hostile texts that were written without a look at the patterns most are masked, and hardly a harmless one is."""

from __future__ import annotations

import pytest

from llmtrace.filters.redact import redact_text
from tests.filters.hostile import remains, texts

SAMPLES = range(3)
MOST_LEFT = 0.1
MOST_MASKED = 0.01


@pytest.mark.parametrize("sample", SAMPLES)
def test_nothing_is_left_of_the_secrets_that_redact_knows(sample: int) -> None:
    left = [
        each for each in texts("masked.txt", sample) if any(remains(s, redact_text(each.text)) for s in each.secrets)
    ]
    assert left == []


def test_those_that_a_reader_knows_alone_are_few() -> None:
    known, others = len(list(texts("masked.txt", 0))), list(texts("left.txt", 0))
    left = [each for each in others if any(remains(s, redact_text(each.text)) for s in each.secrets)]
    assert len(left) <= MOST_LEFT * (known + len(others)), left


@pytest.mark.parametrize("sample", SAMPLES)
def test_of_harmless_texts_at_most_one_in_a_hundred_is_masked(sample: int) -> None:
    harmless = [each.text for each in texts("harmless.txt", sample)]
    masked = [text for text in harmless if redact_text(text) != text]
    assert len(harmless) > 300
    assert len(masked) <= MOST_MASKED * len(harmless), masked
