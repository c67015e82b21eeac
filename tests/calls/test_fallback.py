"""Another provider answers when the first has failed: what is asked of whom, what is told of it, and what has none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import anthropic
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from llmtrace import LLM, llm_call
from llmtrace.exceptions import ConfigurationError, OutputError, UnsupportedError
from llmtrace.testing import CapturedSpans, captured_spans
from tests.scripted import providers
from tests.servers.anthropic import Messages
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, choice, completion, refusal, tools
from tests.servers.wire import KEY, TEXT, Host

CLAUDE: Final = "claude-sonnet-4-6"
FALLBACK: Final = [("claude", CLAUDE)]


@pytest.fixture
def claude() -> Iterator[Host]:
    """The other model."""
    with Host(Messages()) as host:
        yield host


@pytest.fixture
def spans(server: ScriptedServer, claude: Host) -> Iterator[CapturedSpans]:
    """The spans of the test; the default provider is `server`."""
    options = {"api_key": KEY, "base_url": f"http://127.0.0.1:{claude.port}", "max_retries": 0}
    both = {
        **providers(server, max_retries=0),
        "claude": {"BACKEND": "llmtrace.providers.Anthropic", "OPTIONS": options},
        "keyless": {"BACKEND": "llmtrace.providers.Cohere"},
    }
    with captured_spans(PROVIDERS=both) as spans:
        yield spans


@llm_call("gpt-4o-mini", fallback=FALLBACK, temperature=0.2)
def recommend(genre: str) -> str:
    return f"Recommend a {genre} book"


@llm_call("gpt-4o-mini", fallback=FALLBACK, temperature=0.2)
async def arecommend(genre: str) -> str:
    return f"Recommend a {genre} book"


@pytest.mark.parametrize("wants_async", [False, True])
async def test_the_next_answers_when_the_first_has_failed(
    server: ScriptedServer, claude: Host, spans: CapturedSpans, wants_async: bool
) -> None:
    server.answers(refusal(500, "Down."))
    claude.answers(claude.wire.whole())
    reply = await arecommend("fantasy") if wants_async else recommend("fantasy")
    assert (reply.text, reply.model, reply.usage) == (TEXT, CLAUDE, claude.wire.usage)
    (heard,) = claude.heard
    assert (heard.model, heard.turns) == (CLAUDE, (("user", "Recommend a fantasy book"),))
    assert heard.settings["temperature"] == server.requests[0].json["temperature"] == 0.2
    failed, answered, outer = spans
    assert [span.name for span in spans] == ["chat gpt-4o-mini", f"chat {CLAUDE}", outer.name]
    assert failed.parent == answered.parent == outer.context
    assert [span.kind for span in spans] == [SpanKind.CLIENT, SpanKind.CLIENT, SpanKind.INTERNAL]
    assert (failed.attributes["error.type"], failed.status.status_code) == (
        "openai.InternalServerError",
        StatusCode.ERROR,
    )
    assert {answered.status.status_code, outer.status.status_code} == {StatusCode.UNSET}
    assert (outer.attributes["gen_ai.prompt.name"], reply.span_id) == (outer.name, f"{outer.context.span_id:016x}")


def test_usage_and_cost_stand_once(server: ScriptedServer, claude: Host, spans: CapturedSpans) -> None:
    server.answers(refusal(429, "Too many."))
    claude.answers(claude.wire.whole())
    reply = recommend("fantasy")
    with_usage = [span.name for span in spans if "gen_ai.usage.input_tokens" in span.attributes]
    with_cost = [span.attributes["llmtrace.cost"] for span in spans if "llmtrace.cost" in span.attributes]
    assert with_usage == [f"chat {CLAUDE}"]
    assert with_cost == [float(reply.cost or 0)]


def test_nobody_else_is_asked_when_the_first_answers(
    server: ScriptedServer, claude: Host, spans: CapturedSpans
) -> None:
    server.answers(answer())
    recommend("fantasy")
    assert (claude.requests, [span.name for span in spans]) == ([], ["chat gpt-4o-mini", "recommend"])


def test_when_all_have_failed_the_last_ones_exception_is_raised(
    server: ScriptedServer, claude: Host, spans: CapturedSpans
) -> None:
    server.answers(refusal(500, "Down."))
    claude.answers(claude.wire.error(529, "Overloaded."))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        recommend("fantasy")
    assert [span.status.status_code for span in spans] == [StatusCode.ERROR] * 3
    assert spans[2].attributes["error.type"] == spans[1].attributes["error.type"]


def test_an_answer_that_does_not_fit_has_a_fallback(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(*(answer(completion(choice(text))) for text in ("many", "lots", "7", "many", "lots")))
    reply = LLM("gpt-4o-mini").chat("How many?", response_model=int, repair=1, fallback=[("default", "gpt-4o")])
    assert reply.parsed == 7
    assert [request.json["model"] for request in server.requests] == ["gpt-4o-mini", "gpt-4o-mini", "gpt-4o"]
    assert len(server.requests[2].json["messages"]) == 1
    with pytest.raises(OutputError):
        LLM("gpt-4o-mini").chat("How many?", response_model=int, fallback=[("default", "gpt-4o")])


def test_what_a_tool_raises_has_none(server: ScriptedServer, claude: Host, spans: CapturedSpans) -> None:
    def burn(title: str) -> str:
        raise OSError("on fire")

    server.answers(answer(completion(choice(None, "tool_calls", **tools(("c1", "burn", '{"title": "Dune"}'))))))
    with pytest.raises(OSError, match="on fire"):
        recommend.using(tools=[burn], tool_rounds=1)("fantasy")
    assert claude.requests == []


def test_a_call_that_is_wrong_has_none(server: ScriptedServer, claude: Host, spans: CapturedSpans) -> None:
    with pytest.raises(UnsupportedError, match="Anthropic has no 'seed'"):
        LLM(CLAUDE, provider="claude").chat("Hello", seed=1, fallback=[("default", "gpt-4o")])
    with pytest.raises(ConfigurationError, match='has no "clod"'):
        LLM("gpt-4o", provider="clod").chat("Hello", fallback=[("default", "gpt-4o")])
    assert server.requests == []


def test_a_fallback_that_is_wrong_says_so_when_it_is_needed(
    server: ScriptedServer, spans: CapturedSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CO_API_KEY", raising=False)
    server.answers(refusal(500, "Down."))
    with pytest.raises(ConfigurationError, match="No API key for Cohere"):
        LLM("gpt-4o").chat("Hello", fallback=[("keyless", "command-a-03-2025")])
    assert len(server.requests) == 1


def test_the_providers_own_model_serves_a_fallback_that_names_none(
    server: ScriptedServer, claude: Host, spans: CapturedSpans
) -> None:
    options: Any = {**providers(server)["default"]["OPTIONS"], "model": "gpt-4.1"}
    named = {"default": {"BACKEND": "llmtrace.providers.OpenAI", "OPTIONS": options}}
    server.answers(refusal(400), answer())
    with captured_spans(PROVIDERS=named):
        LLM("gpt-4o").chat("Hello", fallback=[("default", None)])  # type: ignore[list-item]
    assert [request.json["model"] for request in server.requests] == ["gpt-4o", "gpt-4.1"]
