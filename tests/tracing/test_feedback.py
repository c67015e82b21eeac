"""What people thought of an answer is in the answer's trace, whenever they say it."""

from __future__ import annotations

import pytest

from llmtrace import LLM, record_feedback
from llmtrace.testing import captured_spans

FAKE = {"default": {"BACKEND": "llmtrace.providers.Fake"}}


@pytest.mark.parametrize(
    ("value", "name", "kept"),
    [
        (1.0, "gen_ai.evaluation.score.value", 1.0),
        (False, "gen_ai.evaluation.score.value", 0.0),
        ("good", "gen_ai.evaluation.score.label", "good"),
    ],
)
def test_feedback_is_a_span_below_the_one_it_is_about(value: float | bool | str, name: str, kept: object) -> None:
    with captured_spans(PROVIDERS=FAKE) as spans:
        reply = LLM().chat("Hello")
        record_feedback(reply, "helpful", value, comment="It was.")
        call, feedback = spans
    assert feedback.name == "feedback helpful"
    assert feedback.parent is not None
    assert f"{feedback.parent.span_id:016x}" == reply.span_id
    assert feedback.context.trace_id == call.context.trace_id
    assert feedback.attributes["gen_ai.evaluation.name"] == "helpful"
    assert feedback.attributes[name] == kept
    assert feedback.attributes["gen_ai.evaluation.explanation"] == "It was."


def test_feedback_needs_only_the_ids_kept_from_earlier() -> None:
    with captured_spans(PROVIDERS=FAKE) as spans:
        record_feedback(("1" * 32, "2" * 16), "helpful", 0.5)
        (feedback,) = spans
    assert feedback.parent is not None
    assert (f"{feedback.context.trace_id:032x}", f"{feedback.parent.span_id:016x}") == ("1" * 32, "2" * 16)
    assert "gen_ai.evaluation.explanation" not in feedback.attributes


def test_a_comment_is_content() -> None:
    with captured_spans(PROVIDERS=FAKE, CAPTURE_CONTENT=False) as spans:
        record_feedback(("1" * 32, "2" * 16), "helpful", True, comment="secret")
        (feedback,) = spans
    assert "secret" not in str(feedback.attributes)


def test_feedback_on_what_was_not_recorded_is_nothing() -> None:
    with captured_spans(PROVIDERS=FAKE, ENABLED=False):
        reply = LLM().chat("Hello")
    with captured_spans(PROVIDERS=FAKE) as spans:
        record_feedback(reply, "helpful", True)
        assert len(spans) == 0


@pytest.mark.parametrize("ids", [("nonsense", "2" * 16), ("0" * 32, "2" * 16), ("1" * 33, "2" * 16)])
def test_ids_that_are_none_are_refused(ids: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        record_feedback(ids, "helpful", 1.0)
