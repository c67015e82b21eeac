"""What the checks quote of other people's modules and classes may hold a secret, and is shown without it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from llmtrace.checks import check_settings
from tests.recorded import Recorder

KEY = "sk-proj-Zk3jW9xQ2mB7vN4tR8yL1pD6sF5hG0aC"


class Talkative(Recorder):
    """An exporter whose check quotes what it was given."""

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        return f"has a key {options['key']} that is too old"

    def __init__(self, key: str) -> None:
        raise NotImplementedError


def only(entry: dict[str, Any]) -> str:
    with override_settings(LLMTRACE={"EXPORTERS": [entry], "REDACT": False}):
        (message,) = check_settings()
    return f"{message.id} {message.msg} {message.hint}"


def test_what_a_module_raises_on_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loud_warehouse.py").write_text(f'raise RuntimeError("the warehouse does not know {KEY}")')
    monkeypatch.syspath_prepend(tmp_path)
    told = only({"BACKEND": "loud_warehouse.Exporter"})
    sys.modules.pop("loud_warehouse", None)
    assert told.startswith('llmtrace.E003 LLMTRACE["EXPORTERS"][0]["BACKEND"] names "loud_warehouse.Exporter"')
    assert "RuntimeError: the warehouse does not know" in told
    assert KEY not in told


def test_an_address_with_a_password_in_the_place_of_a_class() -> None:
    told = only({"BACKEND": "https://shop:hunter2hunter2@collector.example/v1/traces"})
    assert told.startswith("llmtrace.E003")
    assert "collector" in told
    assert "hunter2" not in told


def test_what_a_class_says_of_its_options() -> None:
    told = only({"BACKEND": f"{__name__}.Talkative", "OPTIONS": {"key": KEY}})
    assert told.startswith('llmtrace.E005 LLMTRACE["EXPORTERS"][0]["OPTIONS"] has a key')
    assert KEY not in told
