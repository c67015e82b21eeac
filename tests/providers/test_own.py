"""A provider of one's own, as the documentation writes it, in each of the four ways to call."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from llmtrace import LLM
from llmtrace.testing import CapturedSpans, captured_spans
from llmtrace.types import Usage
from tests.servers.openai import TEXT, completion, spoken
from tests.services import ROOT


class Cellar:
    """What is asked of the house model, and how it answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.broken: Exception | None = None

    def ask(self, queue: str, body: dict[str, Any]) -> Any:
        self.asked.append((queue, body))
        if self.broken is not None:
            raise self.broken
        return spoken() if body.get("stream") else completion()


@pytest.fixture
def cellar(monkeypatch: pytest.MonkeyPatch) -> Cellar:
    """The example's module, on a model that answers."""
    blocks = (ROOT / "docs" / "providers.md").read_text().split("```python\n")
    (block,) = (each.split("```")[0] for each in blocks if "class House(Provider)" in each)
    module, cellar = ModuleType("house_of_the_docs"), Cellar()
    exec(compile(block, "docs/providers.md", "exec"), vars(module))
    vars(module)["ask"] = cellar.ask
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return cellar


@pytest.fixture
def spans(cellar: Cellar) -> Iterator[CapturedSpans]:
    """The spans of calls of the house model."""
    entry = {"BACKEND": "house_of_the_docs.House", "OPTIONS": {"queue": "models", "model": "house-1"}}
    with captured_spans(PROVIDERS={"default": entry}) as spans:
        yield spans


async def test_it_is_called_in_every_way(cellar: Cellar, spans: CapturedSpans) -> None:
    replies = [LLM().chat("Hello"), await LLM().achat("Hello")]
    with LLM().stream("Hello") as stream:
        assert "".join(chunk.text for chunk in stream) == TEXT
    async with LLM().astream("Hello") as streaming:
        assert "".join([chunk.text async for chunk in streaming]) == TEXT
    replies += [stream.reply, streaming.reply]
    assert [(reply.text, reply.usage) for reply in replies] == [(TEXT, Usage(21, 7, 4, None, 2))] * 4
    assert [queue for queue, _ in cellar.asked] == ["models"] * 4
    assert {body["model"] for _, body in cellar.asked} == {"house-1"}
    for span in spans:
        assert span.name == "chat house-1"
        assert span.attributes["gen_ai.provider.name"] == "house"
        assert span.attributes["gen_ai.usage.input_tokens"] == 21
        assert "server.address" not in span.attributes
    assert [span.attributes.get("llmtrace.stream.outcome") for span in spans] == [None, None, "completed", "completed"]


async def test_its_exceptions_are_the_callers(cellar: Cellar, spans: CapturedSpans) -> None:
    cellar.broken = OSError("the cellar is flooded")
    for call in (LLM().chat, LLM().stream):
        with pytest.raises(OSError, match="flooded"):
            call("Hello")
    with pytest.raises(OSError, match="flooded"):
        await LLM().achat("Hello")
    with pytest.raises(OSError, match="flooded"):
        [chunk async for chunk in LLM().astream("Hello")]
    assert [span.status.status_code for span in spans] == [StatusCode.ERROR] * 4
    assert {span.attributes["error.type"] for span in spans} == {"OSError"}
