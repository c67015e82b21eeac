"""What the options of filters hold, a key of hashes for one, is in no log line, check, error or `repr`."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.checks import check_settings
from llmtrace.conf import read
from llmtrace.pipeline.build import common_filters, filters_of
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.tracing.setup import flush
from tests.pipeline.making import entry, exporting, span

SECRET = "horse.Battery7"
"""Of no form that redaction would know."""
KEY = "sk-ant-api03-Zq3vR8sT1uW5xY7aB9cD2eF4gH6jK8mN"


def signed(span: EndedSpan, *, key: str) -> EndedSpan:
    """A filter of a project's own, with a mistake."""
    raise ValueError(f"{key} does not fit {span.name}")


class Signed:
    """Another, whose options are looked at when it is made."""

    def __init__(self, *, key: str) -> None:
        raise ValueError(key)

    def __call__(self, span: EndedSpan) -> EndedSpan:
        return span


ENTRIES = [
    {"BACKEND": "llmtrace.filters.Hash", "OPTIONS": {"names": ["n"], "key": SECRET}},
    {"BACKEND": "llmtrace.filters.SetAttributes", "OPTIONS": {"attributes": {"team": SECRET}}},
    {"BACKEND": "llmtrace.filters.Exclude", "OPTIONS": {"attributes": {"tenant": SECRET}}},
    {"BACKEND": "llmtrace.filters.Redact", "OPTIONS": {"patterns": [SECRET], "mask": SECRET}},
    {"BACKEND": f"{__name__}.signed", "OPTIONS": {"key": SECRET}},
    {"BACKEND": f"{__name__}.Signed", "OPTIONS": {"key": SECRET}},
]
EACH_ENTRY = pytest.mark.parametrize("written", ENTRIES, ids=lambda it: it["BACKEND"].rpartition(".")[2])


@EACH_ENTRY
def test_it_is_in_no_repr(written: dict[str, Any]) -> None:
    """Error pages and reports show the variables of each frame so."""
    config = read({"FILTERS": [written], "EXPORTERS": [entry("Kept", into=[], FILTERS=[written])]})
    assert SECRET not in repr(config)
    assert SECRET not in repr(common_filters(config))
    assert SECRET not in repr(filters_of(config.exporters[0], None, []))


@EACH_ENTRY
def test_it_is_in_no_line_of_the_log(written: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    for more in ({}, {"no_such": SECRET}, {"names": SECRET}):
        filters = [{**written, "OPTIONS": {**written["OPTIONS"], **more}}]
        with exporting(entry("Kept", into=[], FILTERS=filters)):
            span("chat", n=1)
            assert flush(10)
    assert "OPTIONS" in caplog.text
    assert SECRET not in caplog.text


@EACH_ENTRY
@pytest.mark.parametrize("wrong", [{"no_such": SECRET}, {"names": SECRET}, {"key": [SECRET]}, {"attributes": SECRET}])
def test_it_is_in_no_check(written: dict[str, Any], wrong: dict[str, Any]) -> None:
    with override_settings(LLMTRACE={"FILTERS": [{**written, "OPTIONS": {**written["OPTIONS"], **wrong}}]}):
        messages = check_settings()
    assert SECRET not in "".join(f"{message.msg}{message.hint}" for message in messages)


def test_what_is_set_is_not_masked_since_somebody_has_chosen_it() -> None:
    kept: list[ReadableSpan] = []
    team = {"BACKEND": "llmtrace.filters.SetAttributes", "OPTIONS": {"attributes": {"team": KEY}}}
    with exporting(entry("Kept", into=kept), FILTERS=[team]):
        span("chat", model=KEY)
        assert flush(10)
    assert dict(kept[0].attributes or {}) == {"model": "[REDACTED]", "team": KEY}
