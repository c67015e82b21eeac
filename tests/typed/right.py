"""What a project writes with llmtrace, and the types that it gets back. Only type-checked, never run."""

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any, assert_type

from llmtrace import LLM, Message, Reply, Stream, Usage, llm_call, prompt_template, trace_attributes


@llm_call("gpt-4o-mini", provider="default", temperature=0.2)
def shorthand(genre: str) -> str:
    return f"Recommend a {genre} book"


@llm_call("gpt-4o-mini")
def messages(genre: str) -> list[Message]:
    return [Message.system("You are a librarian"), Message.user(f"Recommend a {genre} book")]


@llm_call("gpt-4o-mini")
@prompt_template("SYSTEM: You are a librarian\nUSER: Recommend a {genre} book")
def template(genre: str) -> None: ...


@llm_call("gpt-4o-mini")
def message_params(genre: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": f"Recommend a {genre} book"}]


@llm_call("gpt-4o-mini")
async def later(genre: str) -> str:
    return f"Recommend a {genre} book"


@llm_call("gpt-4o-mini", stream=True)
def streamed(genre: str) -> str:
    return f"Recommend a {genre} book"


def a_reply() -> None:
    reply = shorthand("fantasy")
    assert_type(reply, Reply)
    assert_type(messages(genre="fantasy"), Reply)
    assert_type(template("fantasy"), Reply)
    assert_type(message_params("fantasy"), Reply)
    assert_type(reply.text, str)
    assert_type(reply.usage, Usage)
    assert_type(reply.usage.input_tokens, int | None)
    assert_type(reply.cost, Decimal | None)


async def a_reply_later() -> None:
    assert_type(await later("fantasy"), Reply)
    assert_type(await LLM("gpt-4o-mini").achat("Recommend a book"), Reply)


def a_stream() -> None:
    with streamed("fantasy") as stream:
        assert_type(stream, Stream)
        for chunk in stream:
            assert_type(chunk.text, str)
    assert_type(stream.reply, Reply)


def a_client() -> None:
    with trace_attributes(user_id="7", tags=["shelf"], metadata={"page": "home"}):
        assert_type(LLM("gpt-4o-mini", provider="default").chat("Recommend a book", temperature=0.2), Reply)


def pieces() -> Iterator[str]:
    yield from (chunk.text for chunk in LLM("gpt-4o-mini").stream("Recommend a book"))


async def pieces_later() -> AsyncIterator[str]:
    async for chunk in LLM("gpt-4o-mini").astream("Recommend a book"):
        yield chunk.text
