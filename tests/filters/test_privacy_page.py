"""What the page on privacy shows works as it is written there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.test import override_settings
from opentelemetry.sdk.trace import Event

from llmtrace.conf import get_config
from llmtrace.filters import Redact
from llmtrace.filters.redact import redact_text
from llmtrace.pipeline.build import backend_problems
from tests.filters.places import span

PAGE = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def block(word: str) -> dict[str, Any]:
    """What the one block of code that holds `word` defines."""
    (code,) = [each for each in BLOCKS if word in each]
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def test_the_settings_shown_are_right() -> None:
    with override_settings(LLMTRACE=block('"EXPORTERS"')["LLMTRACE"]):
        config = get_config()
        assert [*config.problems, *backend_problems(config)] == []


def test_the_filters_shown_filter() -> None:
    names = block("OnlyTenant")
    only, without = names["OnlyTenant"](tenant="shop"), names["without_templates"]
    kept = span(attributes={"llmtrace.metadata.tenant": "shop", "llmtrace.prompt.template": "USER: hi"})
    assert only(kept) is kept
    assert only(span()) is None
    assert without(kept).attributes == {"llmtrace.metadata.tenant": "shop"}


def test_the_texts_said_to_be_masked_are_masked() -> None:
    for shown in (
        "postgres://shop:…@db/shop",
        "password: hunter2",
        '{"name": "DB_PASSWORD", "value": "…"}',
        "--api-key …",
    ):
        assert shown in PAGE
        text = shown.replace("…", "hunter2x")
        assert "hunter2" not in redact_text(text)


def test_the_options_shown_are_those_there_are() -> None:
    table = PAGE[PAGE.index("### Options") : PAGE.index("### In your own code")]
    shown = {
        name for line in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", line)
    }
    taken = {name for name in Redact.__init__.__annotations__ if name != "return"}
    assert shown == taken


def test_the_places_said_to_be_read_are_read() -> None:
    done = Redact()(span(events=(Event("exception", {"exception.message": "password: hunter2"}, 1),)))
    assert [event.attributes for event in done.events] == [{"exception.message": "password: [REDACTED]"}]
