"""A secret that stands in the settings where a name belongs is shown neither by the checks nor by what is raised."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from django.test import override_settings

from llmtrace import LLM
from llmtrace.checks import check_settings
from llmtrace.conf import get_config
from llmtrace.exceptions import ConfigurationError
from tests.filters.secrets import TOKENS

KINDS = ("anthropic", "github", "sendgrid")
EACH_KIND = pytest.mark.parametrize("secret", [TOKENS[kind](Random(7)) for kind in KINDS], ids=KINDS)
MASK = "[REDACTED]"
RECORDER = {"BACKEND": "tests.recorded.Recorder"}


def providers(**entries: Any) -> dict[str, Any]:
    return {"PROVIDERS": {"default": {"BACKEND": "llmtrace.providers.Fake"}, **entries}}


def misplaced(secret: str) -> dict[str, dict[str, Any]]:
    """Settings with it, by where."""
    return {
        "key": {secret: 1},
        "key of an exporter": {"EXPORTERS": [{**RECORDER, secret: 1}]},
        "key of a queue": {"EXPORTERS": [{**RECORDER, "QUEUE": {secret: 1}}]},
        "key of a filter": {"FILTERS": [{"BACKEND": "llmtrace.filters.DropContent", secret: 1}]},
        "key of JOBS": {"JOBS": {secret: 1}},
        "key of SPOOL": {"SPOOL": {secret: 1}},
        "option": {"EXPORTERS": [{**RECORDER, "OPTIONS": {secret: 1}}]},
        "option of REDACT": {"REDACT": {secret: 1}},
        "name of two exporters": {"EXPORTERS": [{**RECORDER, "NAME": secret}, {**RECORDER, "NAME": secret}]},
        "provider, no dict": providers(**{secret: None}),
        "provider, no class": providers(**{secret: {}}),
        "provider, not there": providers(**{secret: {"BACKEND": "no.such.Provider"}}),
        "provider, of the wrong kind": providers(**{secret: {"BACKEND": "pathlib.Path"}}),
        "provider, wrong option": providers(
            **{secret: {"BACKEND": "llmtrace.providers.Fake", "OPTIONS": {"replies": 5}}}
        ),
        "model": {"PRICES": {secret: 5}},
        "database": {"DATABASE": secret},
        "class of an exporter": {"EXPORTERS": [{"BACKEND": f"shop.{secret}"}]},
        "instrumentor": {"INSTRUMENTORS": [f"shop.{secret}"]},
    }


@pytest.mark.parametrize("place", misplaced(""))
@EACH_KIND
def test_the_checks_mask_it(place: str, secret: str) -> None:
    with override_settings(LLMTRACE=misplaced(secret)[place]):
        (message,) = check_settings()
        told = f"{message.msg} {message.hint} {get_config().problems}"
    assert MASK in told
    assert secret[:12] not in told


@pytest.mark.parametrize("place", [place for place in misplaced("") if place.startswith("provider")])
@EACH_KIND
def test_so_does_what_a_call_raises(place: str, secret: str) -> None:
    for name in (secret, f"{secret}x"):
        with override_settings(LLMTRACE=misplaced(secret)[place]), pytest.raises(ConfigurationError) as raised:
            LLM("m", provider=name).chat("Hello")
        assert MASK in str(raised.value)
        assert secret[:12] not in str(raised.value)


def test_a_name_that_only_sounds_like_a_secrets_is_shown() -> None:
    written = {"API_KEY": 1, "PRICES": {"password": 5}, **providers(token={"BACKEND": "no.such.Provider"})}
    with override_settings(LLMTRACE=written):
        shown = " ".join(message.msg for message in check_settings())
    assert all(f'["{name}"]' in shown for name in ("API_KEY", "password", "token"))
