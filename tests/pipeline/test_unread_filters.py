"""Where a mistake in the settings hides what a filter was to keep back, nothing passes it."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.checks import check_settings
from llmtrace.conf import read
from llmtrace.tracing.setup import flush
from tests.pipeline.making import entry, exporting, span

DROP = {"BACKEND": "llmtrace.filters.DropContent"}
EXCLUDE = {"BACKEND": "llmtrace.filters.Exclude", "OPTION": {"names": ["private"]}}

MISTAKES = pytest.mark.parametrize(
    "written",
    [
        {"FILTERS": DROP},
        {"FILTERS": "llmtrace.filters.DropContent"},
        {"FILTERS": ["llmtrace.filters.DropContent"]},
        {"FILTERS": [{"BACKEND": "DropContent"}]},
        {"FILTERS": [EXCLUDE]},
        {"FILTERS": [{**EXCLUDE, "OPTIONS": ["private"]}]},
        {"FILTER": [DROP]},
        {"filters": [DROP]},
    ],
)
UNREAD_REDACT = pytest.mark.parametrize(
    "written", [{"REDACT": ["email"]}, {"REDACT": "email"}, {"REDACTS": {"ip": True}}]
)


@MISTAKES
def test_an_exporter_with_a_filter_that_cannot_be_read_gets_nothing_and_the_others_all(written: dict[str, Any]) -> None:
    kept: list[ReadableSpan] = []
    others: list[ReadableSpan] = []
    with exporting(entry("Kept", into=kept) | written, entry("Kept", "other", into=others)):
        span("private")
        assert flush(10)
        assert [message.id for message in check_settings() if "FILTER" in message.msg.upper()]
    assert [each.name for each in others] == ["private"]
    assert kept == []


@MISTAKES
def test_a_filter_for_all_exporters_that_cannot_be_read_lets_nothing_out(written: dict[str, Any]) -> None:
    kept: list[ReadableSpan] = []
    with exporting(entry("Kept", into=kept), **written):
        span("private")
        assert flush(10)
    assert kept == []


@UNREAD_REDACT
def test_nothing_goes_out_where_what_to_mask_cannot_be_read(written: dict[str, Any]) -> None:
    kept: list[ReadableSpan] = []
    with exporting(entry("Kept", into=kept), **written):
        span("ann@example.com")
        assert flush(10)
        assert [message.id for message in check_settings() if "REDACT" in message.msg] != []
    assert kept == []


def test_each_such_mistake_is_told_once() -> None:
    with exporting(entry("Kept", into=[], FILTERS=[{"BACKEND": "DropContent"}, EXCLUDE])):
        assert [message.id for message in check_settings()] == ["llmtrace.E002", "llmtrace.E001"]


@pytest.mark.parametrize("written", [{"CAPTURE_CONTENT": "false"}, {"CAPTURE_CONTENT": None}, {"CAPTURE_CONTNET": 0}])
def test_no_text_is_kept_where_whether_it_shall_be_cannot_be_read(written: dict[str, Any]) -> None:
    assert read(written).capture_content is False


@pytest.mark.parametrize("said", ["0", "false", "no", "off", "", "1", "true", 0, 1, None])
@pytest.mark.parametrize("key", ["ENABLED", "ENABLE", "enabled"])
def test_nothing_is_recorded_where_whether_it_shall_be_cannot_be_read(key: str, said: Any) -> None:
    kept: list[ReadableSpan] = []
    with exporting(entry("Kept", into=kept), **{key: said}):
        span("GET /")
        assert flush(10)
        assert [message.id for message in check_settings()] == [f"llmtrace.{'E010' if key == 'ENABLED' else 'E001'}"]
    assert kept == []


def test_all_is_recorded_where_nothing_else_is_said() -> None:
    assert read({}).enabled is read({"ENABLED": True}).enabled is True
    assert read({"ENABLED": True, "ENABLE": False}).enabled is True


def test_text_is_kept_where_nothing_else_is_said() -> None:
    assert read({}).capture_content is read({"CAPTURE_CONTENT": True}).capture_content is True
