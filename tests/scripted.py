"""A scripted model server that the default provider talks to, and the spans of the test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from llmtrace import LLM
from llmtrace.calls.reply import Reply
from llmtrace.calls.stream import Stream
from llmtrace.testing import CapturedSpans, captured_spans
from tests.servers.http import ScriptedServer
from tests.servers.openai import base_url


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A model server without answers yet."""
    with ScriptedServer() as server:
        yield server


def providers(server: ScriptedServer, **options: Any) -> dict[str, Any]:
    """``PROVIDERS`` with `server` as the default one."""
    given = {"api_key": "sk-test", "base_url": base_url(server), **options}
    return {"default": {"BACKEND": "llmtrace.providers.OpenAI", "OPTIONS": given}}


@pytest.fixture
def spans(server: ScriptedServer) -> Iterator[CapturedSpans]:
    """The spans that end in the test; the default provider is `server`."""
    with captured_spans(PROVIDERS=providers(server)) as spans:
        yield spans


def ask(**params: Any) -> Reply[Any]:
    """A plain call."""
    return LLM("gpt-4o-mini").chat("Recommend a fantasy book", **params)


def open_stream(**params: Any) -> Stream[Any]:
    """A streamed call."""
    return LLM("gpt-4o-mini").stream("Recommend a fantasy book", **params)
