"""What llmtrace logs has no secret in it, whatever raised it, and is for the rest as it was."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import llmtrace
from llmtrace import trace_attributes
from llmtrace.masking import MOST, get_logger, masked
from llmtrace.testing import captured_spans
from llmtrace.tracing.setup import get_tracer

KEY = "sk-proj-9aB8cD7eF6gH5iJ4kL3mN2oP1qR0"
MASK = "[REDACTED]"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a handler of the host's shows of the logger ``llmtrace.tests``."""
    logger, shown = get_logger("llmtrace.tests"), io.StringIO()
    handler = logging.StreamHandler(shown)
    logger.addHandler(handler)
    yield shown
    logger.removeHandler(handler)


def test_the_arguments_of_a_line(log: io.StringIO) -> None:
    get_logger("llmtrace.tests").warning("It says %s: 100 %%", f"Incorrect API key provided: {KEY}")
    assert log.getvalue() == f"It says Incorrect API key provided: {MASK}: 100 %\n"


def test_an_exception_with_its_cause_and_its_notes(log: io.StringIO) -> None:
    try:
        try:
            raise ValueError(KEY)
        except ValueError as cause:
            error = LookupError("no such thing")
            error.add_note(f"asked with {KEY}")
            raise error from cause
    except LookupError:
        get_logger("llmtrace.tests").exception("It failed")
    told = log.getvalue()
    assert KEY not in told
    assert told.startswith("It failed\nTraceback (most recent call last):\n")
    assert f"ValueError: {MASK}\n" in told
    assert told.endswith(f"LookupError: no such thing\nasked with {MASK}\n")


def test_a_record_without_a_secret_keeps_what_handlers_look_at(caplog: pytest.LogCaptureFixture) -> None:
    error = LookupError("no such thing")
    get_logger("llmtrace.tests").error("%s failed", "It", exc_info=error)
    (record,) = caplog.records
    assert (record.msg, record.args) == ("%s failed", ("It",))
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_a_line_that_cannot_be_put_together_is_the_handlers_to_tell_of(log: io.StringIO) -> None:
    record = logging.LogRecord("llmtrace.tests", logging.ERROR, __file__, 1, f"%d {KEY}", ("one",), None)
    assert get_logger("llmtrace.tests").filter(record)
    assert KEY not in str(record.msg)


def test_a_text_is_read_to_a_limit() -> None:
    assert masked("a" * MOST + KEY) == "a" * MOST


def test_no_other_module_has_a_logger_of_its_own() -> None:
    files = Path(llmtrace.__file__).parent.rglob("*.py")
    assert [file.name for file in files if "getLogger" in file.read_text()] == ["masking.py"]


def test_what_marks_a_span_is_masked_before_it_is_cut() -> None:
    """Of this key, whose beginning is missing, only its end would be known."""
    key = "\n".join(
        ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"] * 8 + ["-----END PRIVATE KEY-----"]
    )
    with captured_spans() as spans, trace_attributes(user_id=key, metadata={"note": key * 3}):
        get_tracer("shop").start_span("work").end()
        (span,) = spans
    assert span.attributes["user.id"] == MASK
    assert span.attributes["llmtrace.metadata.note"] == MASK
