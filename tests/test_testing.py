"""What `llmtrace.testing` gives to the tests of projects."""

from __future__ import annotations

import pytest
from django.test import SimpleTestCase
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace import llm_call
from llmtrace.conf import get_config
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.testing import captured_spans
from llmtrace.tracing.setup import get_tracer
from tests.pipeline.making import entry

FAKE = {"default": {"BACKEND": "llmtrace.providers.Fake", "OPTIONS": {"replies": ["Read Dune."]}}}


@llm_call()
def recommend_book(genre: str) -> str:
    return f"Recommend a {genre} book"


def test_spans_are_there_when_they_are_looked_at_in_the_order_in_which_they_ended() -> None:
    with captured_spans(PROVIDERS=FAKE) as spans:
        assert len(spans) == 0
        with trace.get_tracer("host").start_as_current_span("view"):
            recommend_book("fantasy")
            recommend_book("crime")
        assert [span.name for span in spans] == ["recommend_book", "recommend_book", "view"]
        assert spans[0].attributes["gen_ai.prompt.variable.genre"] == "fantasy"
        assert [span.attributes["gen_ai.prompt.variable.genre"] for span in spans.named("recommend_book")] == [
            "fantasy",
            "crime",
        ]
        assert [span.name for span in spans[1:]] == ["recommend_book", "view"]
        assert repr(spans) == "<CapturedSpans ['recommend_book', 'recommend_book', 'view']>"
        spans.clear()
        assert list(spans) == []


def test_they_can_be_looked_at_after_the_block() -> None:
    with captured_spans(PROVIDERS=FAKE) as spans:
        recommend_book("fantasy")
    (span,) = spans
    assert isinstance(span, EndedSpan)
    get_tracer().start_span("later").end()
    assert len(spans) == 1


def test_they_are_what_an_exporter_would_get() -> None:
    filters = [{"BACKEND": "tests.pipeline.exporters.without_secret"}]
    with captured_spans(PROVIDERS=FAKE, FILTERS=filters) as spans:
        recommend_book("sk-proj-" + "a1B2c3D4" * 6)
        get_tracer().start_span("left out").end()
        (span,) = spans
    assert span.name == "recommend_book (filtered)"
    assert "[REDACTED]" in str(span.attributes["gen_ai.input.messages"])
    assert "a1B2c3D4" not in str(span.attributes)


def test_blocks_in_blocks_and_exporters_beside_get_what_is_theirs() -> None:
    beside: list[ReadableSpan] = []
    with captured_spans(PROVIDERS=FAKE, EXPORTERS=[entry("Kept", into=beside)]) as outer:
        recommend_book("fantasy")
        with captured_spans(CAPTURE_CONTENT=False) as inner:
            recommend_book("crime")
            assert get_config().providers["default"].backend == "llmtrace.providers.Fake"
        assert len(outer) == 1
    assert len(inner) == 1
    assert "gen_ai.input.messages" not in inner[0].attributes
    assert [span.name for span in beside] == ["recommend_book"]


def test_an_exception_in_the_block_passes_and_the_settings_come_back() -> None:
    before = get_config()
    with pytest.raises(ZeroDivisionError), captured_spans():
        raise ZeroDivisionError
    assert get_config() == before


class InATestCase(SimpleTestCase):
    def test_it_is_entered_like_any_context(self) -> None:
        spans = self.enterContext(captured_spans(PROVIDERS=FAKE))
        recommend_book("fantasy")
        self.assertEqual([span.name for span in spans], ["recommend_book"])  # noqa: PT009  # as in a TestCase of a project


def test_one_that_does_not_come_through_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmtrace.testing.flush", lambda timeout: False)
    with captured_spans() as spans, pytest.raises(TimeoutError, match="Not all spans came through"):
        len(spans)
