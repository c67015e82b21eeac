"""What a first call would load is loaded ahead, without a client, and without a word where it can't be."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Final

import pytest
from django.test import override_settings

from llmtrace import LLM
from llmtrace.calls.ahead import load
from llmtrace.providers.fake import Fake
from tests.services import ROOT

LOADS: Final = """
import socket, sys
import django
from django.conf import settings

entries = {"claude": {"BACKEND": "llmtrace.providers.Anthropic"}, "typo": {"BACKEND": "llmtrace.providers.OpenIA"}}
settings.configure(INSTALLED_APPS=["llmtrace"], LLMTRACE={"PROVIDERS": entries})
django.setup()
opened = []
sys.addaudithook(lambda event, _: event in ("socket.connect", "socket.getaddrinfo") and opened.append(event))
from llmtrace.calls.ahead import load
load()
from llmtrace.providers import registry
assert "llmtrace.providers.anthropic_sdk" in sys.modules and "genai_prices.data" in sys.modules
assert "openai" not in sys.modules and "boto3" not in sys.modules
assert not registry._made and not opened
"""


class Broken(Fake):
    """A provider whose SDK can't be imported."""

    @classmethod
    def sdk(cls) -> Any:
        raise OSError("libssl.so.4 is missing")


@pytest.mark.slow
def test_the_sdks_of_the_settings_and_the_prices_are_loaded_and_nothing_is_made_or_opened() -> None:
    done = subprocess.run([sys.executable, "-c", LOADS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_sdk_that_cannot_be_imported_is_told_of_by_nobody_and_keeps_no_other_from_being_loaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    loaded: list[str] = []
    monkeypatch.setattr(Fake, "sdk", lambda: loaded.append("sdk"))
    monkeypatch.setattr("llmtrace.tracing.price.load", lambda: loaded.append("prices"))
    broken = {"BACKEND": f"{__name__}.Broken"}
    with override_settings(LLMTRACE={"PROVIDERS": {"default": broken, "fake": {"BACKEND": "llmtrace.providers.Fake"}}}):
        load()
        assert LLM("fake").chat("Hello").text == "You said: Hello"
    assert loaded == ["sdk", "prices"]
    assert caplog.records == []
