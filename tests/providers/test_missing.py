"""A provider whose SDK is not installed says what installs it, when it is first used and not before."""

from __future__ import annotations

import sys
from typing import Any, Final

import pytest

from llmtrace import LLM, providers
from llmtrace.exceptions import LLMTraceError, MissingDependencyError
from llmtrace.testing import captured_spans

OPTIONS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "Anthropic": ("anthropic", "anthropic", {"api_key": "k"}),
    "Google": ("google.genai", "google", {"api_key": "k"}),
    "Bedrock": ("boto3", "bedrock", {"region": "eu-central-1"}),
    "Cohere": ("cohere", "cohere", {"api_key": "k"}),
}
ABSENT: Final = [*((name, module) for name, (module, _, _) in OPTIONS.items()), ("Google", "google")]


@pytest.mark.parametrize(("name", "absent"), ABSENT)
async def test_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch, name: str, absent: str) -> None:
    module, extra, options = OPTIONS[name]
    for each in [each for each in sys.modules if f"{each}.".startswith(f"{absent}.")]:
        above, _, last = each.rpartition(".")
        if above in sys.modules:
            monkeypatch.delattr(sys.modules[above], last, raising=False)
        monkeypatch.delitem(sys.modules, each)
    monkeypatch.setitem(sys.modules, absent, None)
    monkeypatch.delitem(sys.modules, f"llmtrace.providers.{extra}_sdk", raising=False)
    monkeypatch.delattr(f"llmtrace.providers.{extra}_sdk", raising=False)
    getattr(providers, name).sdk.cache_clear()
    entry = {"BACKEND": f"llmtrace.providers.{name}", "OPTIONS": options}
    words = rf'needs the package {module}: pip install "django-llmtrace\[{extra}\]"'
    with captured_spans(PROVIDERS={"default": entry}):
        llm = LLM("model")
        for call in (llm.chat, llm.stream):
            with pytest.raises(MissingDependencyError, match=words) as caught:
                call("Hello")
            assert isinstance(caught.value, (LLMTraceError, ImportError))
        with pytest.raises(MissingDependencyError, match=words):
            await llm.achat("Hello")
