"""What a person can do wrong in a call: the error says what and where, and the host goes on as without llmtrace."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from django.test import override_settings

from llmtrace import LLM, Message, llm_call, prompt_template
from llmtrace.exceptions import ConfigurationError, LLMTraceError, PromptError
from llmtrace.testing import CapturedSpans, captured_spans
from tests.scripted import ask
from tests.servers.http import ScriptedServer, whole

FAKE = {"default": {"BACKEND": "llmtrace.providers.Fake"}}


@pytest.fixture
def fake() -> Any:
    with captured_spans(PROVIDERS=FAKE) as spans:
        yield spans


def test_a_missing_key_names_the_setting_and_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with override_settings(LLMTRACE={}), pytest.raises(ConfigurationError) as caught:
        LLM("gpt-4o-mini").chat("Hello")
    assert 'LLMTRACE["PROVIDERS"]' in str(caught.value)
    assert "OPENAI_API_KEY" in str(caught.value)


def test_an_unknown_provider_names_the_one_that_was_meant(fake: CapturedSpans) -> None:
    with pytest.raises(
        ConfigurationError, match=r'LLMTRACE\["PROVIDERS"\] has no "defualt"\. Did you mean "default"\?'
    ):
        LLM("m", provider="defualt").chat("Hello")
    assert len(fake) == 0


def test_a_model_that_the_provider_rejects_is_the_providers_error(server: ScriptedServer, spans: CapturedSpans) -> None:
    body = b'{"error": {"message": "The model does not exist", "code": "model_not_found"}}'
    server.answers(whole(404, body, {"content-type": "application/json"}))
    with pytest.raises(openai.NotFoundError, match="The model does not exist"):
        ask()
    (span,) = spans
    assert span.attributes["error.type"] == "openai.NotFoundError"


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "gave NoneType, which is no prompt"),
        (42, "gave int, which is no prompt"),
        ([], "gave an empty list of messages"),
        ([{"content": "Hello"}], 'gave a message without "role" at index 0'),
        ([Message.user("Hello"), 3], "gave int as a message at index 1"),
    ],
)
def test_a_prompt_function_that_returns_nonsense_is_named(fake: CapturedSpans, returned: Any, words: str) -> None:
    @llm_call()
    def recommend() -> Any:
        return returned

    with pytest.raises(PromptError, match=words) as caught:
        recommend()
    assert "recommend" in str(caught.value)
    assert len(fake) == 0


def test_an_unknown_template_variable_names_the_one_that_was_meant(fake: CapturedSpans) -> None:
    @llm_call()
    @prompt_template("Recommend a {gnre} book")
    def recommend(genre: str) -> None: ...

    with pytest.raises(PromptError, match=r"The template of recommend names \{gnre\}.*Did you mean \{genre\}\?"):
        recommend("fantasy")


def test_a_template_that_is_none_is_refused_where_it_stands() -> None:
    with pytest.raises(PromptError, match="can't be read"):
        prompt_template("Recommend a {genre book")


def test_a_misspelt_keyword_is_refused_where_the_function_is_defined() -> None:
    with pytest.raises(TypeError, match=r"llm_call\(\) got an unexpected keyword argument 'temprature'.*'temperature'"):
        llm_call("m", temprature=0.2)  # type: ignore[call-overload]


def test_a_misspelt_keyword_of_the_client_is_refused(fake: CapturedSpans) -> None:
    with pytest.raises(TypeError, match=r"LLM\.chat\(\) got an unexpected keyword argument 'temprature'"):
        LLM("m").chat("Hello", temprature=0.2)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"LLM\.astream\(\) got an unexpected keyword argument 'sead'"):
        LLM("m").astream("Hello", sead=1)  # type: ignore[call-overload]


def test_a_decorator_without_its_parentheses_says_so() -> None:
    with pytest.raises(TypeError, match=r"write @llm_call\(\) above the function"):

        @llm_call  # type: ignore[call-overload]
        def recommend() -> str:
            return "Hello"


def test_what_needs_whole_answers_does_not_go_with_a_stream() -> None:
    with pytest.raises(TypeError, match="'tool_rounds', which needs whole answers"):
        llm_call("m", stream=True, tool_rounds=2)


def test_a_call_without_a_model_says_where_to_name_one() -> None:
    provider = {"default": {"BACKEND": "llmtrace.providers.Fake", "OPTIONS": {"model": None}}}
    with captured_spans(PROVIDERS=provider), pytest.raises(ConfigurationError, match=r'\["default"\]\["OPTIONS"\]'):
        LLM().chat("Hello")


def test_the_exception_of_a_prompt_function_passes_unchanged(fake: CapturedSpans) -> None:
    mine = RuntimeError("mine")

    @llm_call()
    def recommend() -> str:
        raise mine

    with pytest.raises(RuntimeError) as caught:
        recommend()
    assert caught.value is mine
    assert len(fake) == 0


def test_the_reply_of_a_stream_that_is_being_read_says_when_it_is_there(fake: CapturedSpans) -> None:
    stream = LLM().stream("Hello")
    with pytest.raises(LLMTraceError, match="read to its end, or closed"):
        _ = stream.reply
    stream.close()


@pytest.mark.parametrize(
    "text", ["nul \x00 byte", "lone \ud800 surrogate", "x" * 10_000_000], ids=["nul", "surrogate", "10 MB"]
)
def test_texts_that_stores_and_wires_dislike_are_harmless(fake: CapturedSpans, text: str) -> None:
    assert LLM().chat(text).text.startswith("You said: ")
    (span,) = fake
    assert span.attributes["gen_ai.input.messages"][0]["role"] == "user"


def test_variables_that_are_no_json_are_harmless(fake: CapturedSpans) -> None:
    cyclic: list[Any] = []
    cyclic.append(cyclic)

    @llm_call()
    def recommend(*things: Any) -> str:
        return "Hello"

    assert recommend(object(), cyclic, b"\xff", float("nan"), lambda: None).text
    (span,) = fake
    assert "gen_ai.prompt.variable.things" in span.attributes
