"""What every protocol makes of the same request, and what it tells of it."""

from __future__ import annotations

from typing import Any, Final

import pytest

from llmtrace.providers import Cohere
from llmtrace.providers.anthropic_messages import Messages
from llmtrace.providers.base import ChatProtocol, Request
from llmtrace.providers.bedrock_converse import Converse
from llmtrace.providers.cohere_chat import CohereChat
from llmtrace.providers.google_generate import GenerateContent
from llmtrace.providers.hosts import OPENAI
from llmtrace.providers.openai_chat import ChatCompletions
from llmtrace.providers.openai_responses import Responses
from llmtrace.types import Message

PROTOCOLS: Final[dict[str, ChatProtocol]] = {
    "chat": ChatCompletions(OPENAI),
    "responses": Responses(),
    "anthropic": Messages(),
    "google": GenerateContent(),
    "bedrock": Converse(),
    "cohere": CohereChat(),
}
SAID: Final = "the reader's own words"
SAID_APART: Final[dict[str, dict[str, Any]]] = {
    "chat": {"user": SAID, "safety_identifier": SAID},
    "responses": {"input": SAID, "instructions": SAID, "user": SAID, "safety_identifier": SAID},
    "google": {"system_instruction": SAID},
    "cohere": {"documents": SAID},
}
LOOK: Final = {"name": "look", "description": "Look it up.", "parameters": {"type": "object", "properties": {}}}
OWN_TOOLS: Final[dict[str, dict[str, Any]]] = {
    "chat": {"type": "custom", "custom": {"name": "look"}},
    "responses": {"type": "web_search"},
    "anthropic": {"type": "web_search_20250305", "name": "web_search"},
    "bedrock": {"toolSpec": {"name": "look", "inputSchema": {"json": {}}}},
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_attribute_tells_what_was_said_or_who_said_it(name: str) -> None:
    protocol = PROTOCOLS[name]
    messages = [Message.system(SAID), Message.user(SAID)]
    for extra in ({}, SAID_APART.get(name, {})):
        told = protocol.request_attributes(protocol.body(Request("m", messages, extra=extra)))
        assert SAID not in str(told)
        assert "m" in told.values()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_tool_is_sent_alike_in_whichever_form_it_is_given(name: str) -> None:
    protocol = PROTOCOLS[name]
    bare, chat = (
        protocol.body(Request("m", [Message.user("Dune?")], tools=[spec]))
        for spec in (LOOK, {"type": "function", "function": LOOK})
    )
    assert bare == chat
    assert "look" in str(chat)


@pytest.mark.parametrize("name", OWN_TOOLS)
def test_a_tool_of_the_protocols_own_is_sent_as_it_is(name: str) -> None:
    body = PROTOCOLS[name].body(Request("m", [Message.user("Dune?")], tools=[OWN_TOOLS[name]]))
    tools = body["toolConfig"]["tools"] if name == "bedrock" else body["tools"]
    assert tools == [OWN_TOOLS[name]]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://api.example", ("api.example", 443)),
        ("http://api.example/v1", ("api.example", 80)),
        ("https://api.example:8443", ("api.example", 8443)),
    ],
)
def test_the_port_of_a_server_is_its_schemes_where_the_address_names_none(url: str, address: tuple[str, int]) -> None:
    assert Cohere(base_url=url).server() == address
