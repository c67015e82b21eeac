"""Whatever a host answers, or a person sends, nothing of ours raises: the caller gets what could be read."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

from llmtrace.jsontext import as_json
from llmtrace.providers.base import Answer
from llmtrace.providers.hosts import OPENAI
from llmtrace.providers.openai_chat import ChatCompletions

protocol = ChatCompletions(OPENAI)
tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from(
    """id model choices index message delta content refusal tool_calls function custom name arguments input type text
    finish_reason usage prompt_tokens completion_tokens prompt_tokens_details completion_tokens_details cached_tokens
    reasoning_tokens reasoning reasoning_content service_tier system_fingerprint x_groq role image_url url file
    file_data input_audio data stop response_format temperature n stream tools tool_call_id""".split()
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=6),
    max_leaves=8,
)


def like(model: Any) -> st.SearchStrategy[Any]:
    """Values of a form, in which anything may stand in the place of anything."""
    form: st.SearchStrategy[Any]
    if isinstance(model, dict):
        form = st.fixed_dictionaries({}, optional={key: like(value) for key, value in model.items()})
    elif isinstance(model, list):
        form = st.lists(like(model[0]), max_size=3)
    else:
        form = st.just(model)
    return form | st.none() | ANYTHING


CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
SAID = {"role": "assistant", "content": "Hi", "refusal": None, "tool_calls": [CALL], "reasoning_content": "Hm"}
USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
CHOICE = {"index": 0, "message": SAID, "delta": SAID, "finish_reason": "stop"}
BODY = {
    "id": "1",
    "model": "gpt",
    "choices": [CHOICE],
    "usage": USAGE,
    "service_tier": "default",
    "x_groq": {"usage": USAGE},
}
PARTS = [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
SENT = {
    "model": "gpt",
    "messages": [{"role": "user", "content": "Hi", "tool_calls": [CALL]}, {"role": "user", "content": PARTS}],
    "stop": ["END"],
    "temperature": 0.5,
    "response_format": {"type": "json_object"},
    "tools": [{"type": "function", "function": {"name": "look"}}],
}


def check(answer: Answer) -> None:
    """What is read is of the types that it says it is."""
    assert answer.id is None or isinstance(answer.id, str)
    assert answer.model is None or isinstance(answer.model, str)
    assert all(isinstance(reason, str) for reason in answer.finish_reasons)
    for choice in answer.choices:
        assert choice.text is None or isinstance(choice.text, str)
        assert choice.reasoning is None or isinstance(choice.reasoning, str)
        for call in choice.tool_calls:
            assert isinstance(call.name, str)
            assert isinstance(call.arguments, dict)
            assert call.id is None or isinstance(call.id, str)
    usage = answer.usage
    if usage is not None:
        counts = (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens)
        assert all(count is None or type(count) is int for count in counts)
    assert as_json(protocol.output(answer))
    tracer.start_span("call", attributes=answer.attributes).end()


@given(like(BODY))
@settings(deadline=None, max_examples=120)
def test_any_answer_can_be_read(body: Any) -> None:
    check(protocol.answer(body))


@given(st.lists(like(BODY), max_size=6))
@settings(deadline=None, max_examples=120)
def test_any_stream_can_be_put_together(events: list[Any]) -> None:
    reader = protocol.reader()
    for event in events:
        with contextlib.suppress(Exception):  # the stream hands an event on that its reader does not understand
            chunk = reader.feed(event)
            assert chunk is None or isinstance(chunk.text, str)
    assert reader.finished in (True, False)
    check(reader.answer())


@given(st.fixed_dictionaries({}, optional={key: like(value) for key, value in SENT.items()}))
@settings(deadline=None, max_examples=120)
def test_any_request_can_be_told(body: dict[str, Any]) -> None:
    attributes = protocol.request_attributes(body)
    assert all(
        isinstance(value, (str, bool, int, float)) or all(isinstance(item, str) for item in value)
        for value in attributes.values()
    )
    assert as_json(protocol.input(body))
