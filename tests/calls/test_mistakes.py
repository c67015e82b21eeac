"""What people get wrong: each mistake says what it is and where, and leaves the host's flow as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from llmtrace import LLM, Message, llm_call, prompt_template
from llmtrace.exceptions import ConfigurationError, LLMTraceError, PromptError
from llmtrace.testing import CapturedSpans, captured_spans
from tests.scripted import ask, open_stream, providers
from tests.servers.http import ScriptedServer, whole
from tests.servers.openai import TEXT, answer, refusal


class Book:
    title = "The Hobbit"


def test_a_missing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with captured_spans(PROVIDERS={"default": {"BACKEND": "llmtrace.providers.OpenAI"}}) as spans:
        for call in (ask, open_stream):
            with pytest.raises(ConfigurationError) as caught:
                call()
            for words in ('"api_key"', "OPTIONS", 'LLMTRACE["PROVIDERS"]', "OPENAI_API_KEY"):
                assert words in str(caught.value)
        assert len(spans) == 0


def test_an_unknown_provider(spans: CapturedSpans) -> None:
    with pytest.raises(ConfigurationError, match=r'LLMTRACE\["PROVIDERS"\] has no "claude". There is default.'):
        LLM("claude-opus", provider="claude").chat("Hello")
    with pytest.raises(ConfigurationError, match=r'Did you mean "default"\?'):
        LLM("gpt-4o", provider="defautl").stream("Hello")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"BACKEND": "shop.models.Nothing", "OPTIONS": {"api_key": "sk-secret"}}, 'names "shop.models.Nothing"'),
        ({"BACKEND": "collections.OrderedDict", "OPTIONS": {"api_key": "sk-secret"}}, "is not a subclass of"),
        ({"BACKEND": "llmtrace.providers.OpenAI", "OPTIONS": {"api_kay": "sk-secret"}}, '["OPTIONS"] does not fit'),
    ],
)
def test_an_entry_of_providers_that_is_wrong_never_shows_its_options(entry: dict[str, Any], words: str) -> None:
    with captured_spans(PROVIDERS={"default": entry}), pytest.raises(ConfigurationError) as caught:
        ask()
    assert words in str(caught.value)
    assert 'LLMTRACE["PROVIDERS"]["default"]' in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def test_no_model(spans: CapturedSpans) -> None:
    with pytest.raises(
        ConfigurationError, match=r'No model: name one in the call, or "model" in LLMTRACE\["PROVIDERS"'
    ):
        LLM().chat("Hello")


def test_the_providers_own_model_serves_calls_that_name_none(server: ScriptedServer) -> None:
    with captured_spans(PROVIDERS=providers(server, model="gpt-4o")):
        server.answers(answer(), answer())
        LLM().chat("Hello")
        LLM("gpt-4o-mini").chat("Hello")
    assert [request.json["model"] for request in server.requests] == ["gpt-4o", "gpt-4o-mini"]


def test_a_model_that_the_provider_rejects(server: ScriptedServer, spans: CapturedSpans) -> None:
    server.answers(refusal(404, "The model `gpt-99` does not exist.", "model_not_found"))
    with pytest.raises(openai.NotFoundError, match="`gpt-99` does not exist") as caught:
        LLM("gpt-99").chat("Hello")
    assert caught.value.code == "model_not_found"
    (span,) = spans
    assert span.attributes["error.type"] == "openai.NotFoundError"
    assert span.attributes["gen_ai.request.model"] == "gpt-99"
    assert "gen_ai.response.model" not in span.attributes


@pytest.mark.parametrize(
    "answered",
    [whole(200, b"{", {"content-type": "application/json"}), whole(200, b"", {"content-type": "application/json"})],
    ids=["broken JSON", "nothing"],
)
def test_an_answer_that_is_no_json_fails_as_it_does_with_the_bare_sdk(
    server: ScriptedServer, spans: CapturedSpans, answered: Any
) -> None:
    server.answers(answered, answered)
    sdk = openai.OpenAI(api_key="sk-test", base_url=f"http://127.0.0.1:{server.port}/v1", max_retries=0)
    with pytest.raises(Exception) as bare:  # noqa: PT011
        sdk.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}])
    sdk.close()
    with pytest.raises(type(bare.value)) as ours:
        ask(max_retries=0)
    assert str(ours.value) == str(bare.value)
    (span,) = spans
    assert span.attributes["error.type"] == f"{type(bare.value).__module__}.{type(bare.value).__qualname__}"


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "recommend gave NoneType, which is no prompt"),
        (5, "recommend gave int, which is no prompt"),
        (object(), "recommend gave object, which is no prompt"),
        ((each for each in "abc"), "recommend gave generator, which is no prompt"),
        ([], "recommend gave an empty list of messages"),
        ([5], "recommend gave int as a message at index 0"),
        ([Message.user("Hello"), "and"], "recommend gave str as a message at index 1"),
        ([{"content": "Hello"}], 'recommend gave a message without "role" at index 0'),
        (Message.user(5), "recommend gave a message with int as its content at index 0"),  # type: ignore[arg-type]
        ([Message.user([b"\xff"])], "a message with a part that is bytes at index 0"),  # type: ignore[list-item]
    ],
)
async def test_a_prompt_function_that_returns_nonsense(
    server: ScriptedServer, spans: CapturedSpans, returned: Any, words: str
) -> None:
    @llm_call("gpt-4o-mini")
    def recommend() -> Any:
        return returned

    async def later() -> Any:
        return returned

    later.__name__ = "recommend"
    with pytest.raises(PromptError, match=words):
        recommend()
    with pytest.raises(PromptError, match=words):
        await llm_call("gpt-4o-mini")(later)()
    with pytest.raises(PromptError, match=words):
        async for _ in llm_call("gpt-4o-mini", stream=True)(later)():
            pass
    assert server.requests == []
    assert len(spans) == 0


def test_messages_of_the_client_are_checked_as_well(spans: CapturedSpans) -> None:
    with pytest.raises(PromptError, match=r"LLM.chat\(\) gave NoneType, which is no prompt"):
        LLM("gpt-4o-mini").chat(None)  # type: ignore[call-overload]


def test_what_a_prompt_function_raises_is_the_hosts_own(server: ScriptedServer, spans: CapturedSpans) -> None:
    class Boom(Exception):
        pass

    boom = Boom()

    @llm_call("gpt-4o-mini")
    def recommend() -> str:
        raise boom

    with pytest.raises(Boom) as caught:
        recommend()
    assert caught.value is boom
    assert len(spans) == 0


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("Recommend a {gnre} book", r"names {gnre}, which is no argument of it. Did you mean {genre}\?"),
        ("Recommend a {colour} book", "names {colour}, which is no argument of it. There is genre, book."),
        ("Like {book.author}", "names {book.author}, which is not there"),
        ("Like {book[0]}", r"names {book\[0\]}, which is not there"),
        ("{genre:d}", "can't write {genre:d}: what is there is of type str"),
        ("{book:list}", "can't write {book:list}: what is there is of type Book"),
        ("{book:image}", "can't write {book:image}: what is there is of type Book"),
        ("MESSAGES: {book}", "MESSAGES of recommend gave Book, which is no prompt"),
    ],
)
def test_a_template_that_names_what_is_not_there(spans: CapturedSpans, template: str, words: str) -> None:
    @llm_call("gpt-4o-mini")
    @prompt_template(template)
    def recommend(genre: str, book: Book) -> None: ...

    with pytest.raises(PromptError, match=words):
        recommend("fantasy", Book())
    assert len(spans) == 0


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("Recommend a {genre book", "can't be read: expected '}'"),
        ("Recommend a } book", "can't be read: Single '}'"),
        ("Recommend a {} book", "needs a name: {}"),
        ("Recommend a {0} book", "needs a name: {0}"),
        ("", "has no text"),
        ("  \n ", "has no text"),
        ("MESSAGES: {history} and more", "takes one place and nothing else"),
        ("MESSAGES:", "takes one place and nothing else"),
    ],
)
def test_a_template_that_is_none_is_refused_where_it_is_written(template: str, words: str) -> None:
    with pytest.raises(PromptError, match=words):
        prompt_template(template)


def test_a_template_that_gives_no_message(spans: CapturedSpans) -> None:
    @llm_call("gpt-4o-mini")
    @prompt_template("MESSAGES: {history}")
    def go_on(history: list[Message]) -> None: ...

    with pytest.raises(PromptError, match="go_on gives no message"):
        go_on([])


def test_a_templates_function_returns_values_or_nothing(spans: CapturedSpans) -> None:
    @llm_call("gpt-4o-mini")
    @prompt_template("Recommend a {genre} book")
    def recommend(genre: str) -> str:
        return "a text"

    with pytest.raises(PromptError, match=r"recommend\(\) has a template, so that it returns nothing or a dict"):
        recommend("fantasy")


def test_decorators_in_the_wrong_order() -> None:
    @llm_call("gpt-4o-mini")
    def recommend(genre: str) -> None: ...

    with pytest.raises(TypeError, match=r"prompt_template\(\) stands below llm_call"):
        prompt_template("Recommend a {genre} book")(recommend)


def test_a_decorator_without_its_arguments() -> None:
    with pytest.raises(TypeError, match=r"write @llm_call\(\) above the function"):
        llm_call(lambda: "Hello")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("keyword", "hint"),
    [("temprature", "Did you mean 'temperature'"), ("logit_bias", "What only your provider knows goes in extra=")],
)
def test_a_misspelt_keyword_is_refused_where_the_function_is_defined(
    server: ScriptedServer, spans: CapturedSpans, keyword: str, hint: str
) -> None:
    params: Any = {keyword: 1}
    misspelt: list[Callable[[], Any]] = [
        lambda: llm_call("gpt-4o-mini", **params),
        lambda: llm_call("gpt-4o-mini", stream=True, **params),
        lambda: LLM("gpt-4o-mini").chat("Hello", **params),
        lambda: LLM("gpt-4o-mini").stream("Hello", **params),
        lambda: LLM("gpt-4o-mini").astream("Hello", **params),
        lambda: llm_call("gpt-4o-mini")(lambda: "Hello").using(**params),
    ]
    for make in misspelt:
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{keyword}'. {hint}"):
            make()
    assert server.requests == []


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"tools": 5}, "'tools' of type int: it has to be a list of functions"),
        ({"tools": "find_book"}, "'tools' of type str: it has to be a list of functions"),
        ({"fallback": "other"}, "'fallback' of type str: it has to be a list of pairs"),
        ({"fallback": [("other",)]}, "'fallback' of type list: it has to be a list of pairs"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_where_it_is_given(
    server: ScriptedServer, params: Any, words: str
) -> None:
    for make in (lambda: llm_call("gpt-4o-mini", **params), lambda: LLM("gpt-4o-mini").chat("Hello", **params)):
        with pytest.raises(TypeError, match=words):
            make()
    assert server.requests == []


def test_a_provider_is_a_name(server: ScriptedServer) -> None:
    with pytest.raises(
        TypeError, match=r"provider has to be the name of one in LLMTRACE.*, not a value of type NoneType"
    ):
        LLM("gpt-4o-mini", provider=None).chat("Hello")  # type: ignore[arg-type]
    assert server.requests == []


def test_wrong_arguments_of_a_prompt_function_are_pythons_to_refuse(spans: CapturedSpans) -> None:
    @llm_call("gpt-4o-mini")
    def recommend(genre: str) -> str:
        return genre

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'genre'"):
        recommend()  # type: ignore[call-arg]


def test_what_needs_whole_answers_does_not_go_with_a_stream() -> None:
    with pytest.raises(TypeError, match="'tool_rounds', which needs whole answers"):
        llm_call("m", stream=True, tool_rounds=2)


def test_all_of_ours_have_one_base() -> None:
    assert issubclass(ConfigurationError, LLMTraceError)
    assert issubclass(PromptError, LLMTraceError)


@pytest.mark.parametrize(
    "broken",
    [
        "llmtrace.tracing.call_span.get_tracer",
        "llmtrace.tracing.call_span.get_config",
        "llmtrace.tracing.call_span.CallContent",
        "llmtrace.tracing.call_span.fanout.attach",
        "llmtrace.tracing.attributes.current",
        "llmtrace.tracing.price.cost",
        "llmtrace.providers.openai_chat.ChatCompletions.request_attributes",
        "llmtrace.pipeline.fanout.Item",
        "llmtrace.pipeline.lineage.Lineage.began",
        "opentelemetry.sdk.trace.Span.set_attributes",
    ],
)
def test_whatever_breaks_in_tracing_the_call_goes_on_and_one_line_says_so(
    server: ScriptedServer, spans: CapturedSpans, mistakes: list[str], monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a mistake in tracing")

    server.answers(answer(), answer())
    with monkeypatch.context() as patch:
        patch.setattr(broken, fail)
        reply = ask()
    assert (reply.text, reply.usage.input_tokens) == (TEXT, 21)
    assert len(mistakes) == 1
    assert "a mistake in tracing" in mistakes.pop()
    ask()
    assert spans[-1].attributes["gen_ai.response.id"] == "chatcmpl-B1"
