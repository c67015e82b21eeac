"""OpenAI's Responses protocol: pure, from our request to its body and from its answers to ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from llmtrace import semconv
from llmtrace.exceptions import UnsupportedError
from llmtrace.jsontext import as_json
from llmtrace.providers.base import Answer, AnyMessage, ChatProtocol, Choice, Chunk, Request, Schema
from llmtrace.providers.media import data_url, named, rendered_url
from llmtrace.providers.messages import as_message, parts
from llmtrace.providers.openai_chat import OUTPUT_TYPES
from llmtrace.providers.openai_reading import (
    count,
    describe,
    objects,
    parsed_call,
    part_of,
    text_or_none,
    texts,
)
from llmtrace.types import Part, ToolCall, Usage

PATH: Final = "/responses"

SENT: Final = {
    "model": semconv.REQUEST_MODEL,
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "stream": semconv.REQUEST_STREAM,
    "service_tier": semconv.OPENAI_REQUEST_SERVICE_TIER,
    "previous_response_id": semconv.REQUEST_PREVIOUS_RESPONSE_ID,
}
UNNAMED: Final = frozenset({"input", "instructions", "tools", "text", "reasoning", "user", "safety_identifier"})
MISSING: Final = ("stop", "seed")
NATIVE: Final = "openai.responses"


class Responses(ChatProtocol):
    """The protocol. What the provider keeps of a conversation is named with ``extra={"previous_response_id": …}``."""

    def body(self, request: Request) -> dict[str, Any]:
        params = request.params
        for name in MISSING:
            if name in params:
                raise UnsupportedError(f"The Responses API has no {name!r}: leave it out, or use the chat API.")
        sent: dict[str, Any] = {
            "model": request.model,
            "input": [item for each in request.messages for item in items(each)],
        }
        sent.update((name, params[name]) for name in ("temperature", "top_p") if name in params)
        if "max_tokens" in params:
            sent["max_output_tokens"] = params["max_tokens"]
        if "tool_choice" in params:
            sent["tool_choice"] = tool_choice(params["tool_choice"])
        if request.schema is not None:
            sent["text"] = {"format": text_format(request.schema)}
        elif params.get("json_mode"):
            sent["text"] = {"format": {"type": "json_object"}}
        if request.tools:
            sent["tools"] = [tool(each) for each in request.tools]
        if request.stream:
            sent["stream"] = True
        sent.update(request.extra)
        return sent

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        attributes: dict[str, Any] = {semconv.OPENAI_API_TYPE: "responses"}
        for key, value in body.items():
            if key not in UNNAMED and isinstance(value, (bool, int, float, str)):
                attributes[SENT.get(key) or f"{semconv.REQUEST_OTHER}{key}"] = value
        reasoning, text = body.get("reasoning"), body.get("text")
        if isinstance(reasoning, Mapping) and isinstance(reasoning.get("effort"), str):
            attributes[semconv.REQUEST_REASONING_LEVEL] = reasoning["effort"]
        form = text.get("format") if isinstance(text, Mapping) else None
        if isinstance(form, Mapping) and str(form.get("type")) in OUTPUT_TYPES:
            attributes[semconv.OUTPUT_TYPE] = OUTPUT_TYPES[form["type"]]
        return attributes

    def input(self, body: Mapping[str, Any]) -> dict[str, Any]:
        given = body.get("input")
        messages = [{"role": "user", "content": given}] if isinstance(given, str) else objects(given)
        content: dict[str, Any] = {semconv.INPUT_MESSAGES: [rendered(each) for each in messages]}
        if body.get("instructions"):
            content[semconv.SYSTEM_INSTRUCTIONS] = [{"type": "text", "content": body["instructions"]}]
        if body.get("tools"):
            content[semconv.TOOL_DEFINITIONS] = objects(body["tools"])
        return content

    def answer(self, data: Any) -> Answer:
        if not isinstance(data, Mapping):
            return Answer()
        read = Answer(
            [choice(data)], text_or_none(data.get("id")), text_or_none(data.get("model")), usage(data.get("usage"))
        )
        describe(read, data)
        if data.get("status") == "failed":
            read.failed = failure(data)
        return read

    def reader(self) -> ResponsesReader:
        return ResponsesReader(self)


def items(given: AnyMessage) -> Iterable[dict[str, Any]]:
    """The items of the input that a message becomes; a dict with a ``type`` is an item already."""
    if isinstance(given, Mapping) and "type" in given and "role" not in given:
        yield dict(given)
        return
    message = as_message(given)
    if message.native is not None and NATIVE in message.native:
        yield from message.native[NATIVE]
        return
    if message.role == "tool":
        yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": message.text}
        return
    said = [part(each, message.role) for each in parts(message)]
    if said or not message.tool_calls:
        text = message.content if isinstance(message.content, str) and message.role != "assistant" else said
        yield {"role": message.role, "content": text}
    for call in message.tool_calls:
        arguments = call.raw_arguments if call.raw_arguments is not None else as_json(call.arguments)
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}


def part(given: Part | str, role: str) -> dict[str, Any]:
    """One part of a message's content."""
    if isinstance(given, str):
        return {"type": "output_text" if role == "assistant" else "input_text", "text": given}
    if given.type == "image":
        image = {"file_id": given.file_id} if given.file_id else {"image_url": data_url(given)}
        return {"type": "input_image", "detail": "auto", **image}
    if given.type == "document":
        if given.file_id:
            return {"type": "input_file", "file_id": given.file_id}
        if given.uri:
            return {"type": "input_file", "file_url": given.uri}
        return {"type": "input_file", "filename": "document.pdf", "file_data": data_url(given)}
    if given.type == "audio":
        raise UnsupportedError("The Responses API takes no audio: use the chat API.")
    return part(given.text or "", role)


def tool(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's definition; OpenAI's chat form and the bare function are both brought into this one's."""
    inner = spec.get("function")
    if isinstance(inner, Mapping):
        spec = inner
    elif "type" in spec:
        return dict(spec)
    # Left out, `strict` is on there, and a schema with optional arguments refused.
    # Source: OpenAI, Migrate to the Responses API, "Function definitions".
    return {"type": "function", "strict": False, **spec}


def tool_choice(value: Any) -> Any:
    """``auto``, ``none`` and ``required`` as they are, else the name of the one tool to call."""
    if not isinstance(value, str) or value in ("auto", "none", "required"):
        return value
    return {"type": "function", "name": value}


def text_format(schema: Schema) -> dict[str, Any]:
    """What asks for an answer of a schema, strictly."""
    form = {"type": "json_schema", "name": schema.name, "schema": schema.schema, "strict": schema.strict}
    return named({**form, "description": schema.description})


def usage(data: Any) -> Usage | None:
    """The token counts of a usage object; cached and reasoning tokens are part of its totals already."""
    if not isinstance(data, Mapping):
        return None
    given, taken = data.get("input_tokens_details"), data.get("output_tokens_details")
    return Usage(
        count(data.get("input_tokens")),
        count(data.get("output_tokens")),
        count(given.get("cached_tokens")) if isinstance(given, Mapping) else None,
        count(given.get("cache_write_tokens")) if isinstance(given, Mapping) else None,
        count(taken.get("reasoning_tokens")) if isinstance(taken, Mapping) else None,
    )


def choice(data: Mapping[str, Any]) -> Choice:
    """The one answer of a response, from all items of its output."""
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    for item in objects(data.get("output")):
        if item.get("type") == "message":
            text.append(texts(each.get("text") or each.get("refusal") for each in objects(item.get("content"))))
        elif item.get("type") == "function_call":
            calls.append(parsed_call(item.get("call_id"), item.get("name") or "", item.get("arguments")))
        elif item.get("type") == "reasoning":
            reasoning.append(texts(each.get("text") for each in objects(item.get("summary"))))
    return Choice("".join(text) or None, calls, "".join(reasoning) or None, finish_reason(data), native(data))


def native(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """The items of the output as they have to come back, where the model thought before it called a function.

    The thoughts themselves stay with OpenAI, unless it was told to store nothing: then they come back where they were
    asked for, with ``extra={"store": False, "include": ["reasoning.encrypted_content"]}``.

    Source: OpenAI, Reasoning models, "Keeping reasoning items in context".
    """
    items = objects(data.get("output"))
    thoughts = [item for item in items if item.get("type") == "reasoning"]
    if not thoughts or not any(item.get("type") == "function_call" for item in items):
        return None
    if data.get("store") is False and not all(item.get("encrypted_content") for item in thoughts):
        return None
    return {NATIVE: items}


def finish_reason(data: Mapping[str, Any]) -> str | None:
    """Why the response is incomplete, else its status."""
    details = data.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, Mapping) else None
    return text_or_none(reason) or text_or_none(data.get("status"))


def failure(data: Mapping[str, Any]) -> str:
    """The code of the error that a response has failed with."""
    error = data.get("error")
    return (text_or_none(error.get("code")) if isinstance(error, Mapping) else None) or "failed"


class ResponsesReader:
    """Puts a streamed response together. Its last event holds all of it; until then there is what has come so far."""

    def __init__(self, protocol: Responses) -> None:
        self._protocol = protocol
        self._response: Mapping[str, Any] = {}
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[ToolCall] = []
        self._ended = False

    def feed(self, event: Any) -> Chunk | None:
        kind = event.get("type")
        if kind == "response.output_text.delta" or kind == "response.refusal.delta":
            text = text_or_none(event.get("delta")) or ""
            self._text.append(text)
            return Chunk(text, None, event)
        if kind == "response.reasoning_summary_text.delta":
            self._reasoning.append(text_or_none(event.get("delta")) or "")
            return Chunk("", None, event)
        if kind == "response.output_item.done":
            self._done(part_of(event, "item"))
        response = event.get("response")
        if isinstance(response, Mapping):
            self._response = response
            if kind in ("response.completed", "response.incomplete"):
                self._ended = True
                return Chunk("", finish_reason(response), event)
        return None

    def _done(self, item: Mapping[str, Any]) -> None:
        if item.get("type") == "function_call":
            self._calls.append(parsed_call(item.get("call_id"), item.get("name") or "", item.get("arguments")))

    @property
    def finished(self) -> bool:
        """Whether the event that ends a response has come."""
        return self._ended

    def answer(self) -> Answer:
        read = self._protocol.answer(self._response)
        if not self._ended:
            reason = finish_reason(self._response) if read.failed else None
            so_far = Choice("".join(self._text) or None, self._calls, "".join(self._reasoning) or None, reason)
            read.choices = [so_far] if self._text or self._calls or reason else []
        return read


def rendered(sent: Any) -> dict[str, Any]:
    """One item of the input as a message."""
    if not isinstance(sent, Mapping):
        return {"role": "user", "parts": [{"type": "text", "content": str(sent)}]}
    kind = sent.get("type")
    if kind == "function_call":
        call = parsed_call(sent.get("call_id"), str(sent.get("name")), sent.get("arguments"))
        arguments: Any = call.arguments or call.raw_arguments or {}
        part = named({"type": "tool_call", "id": call.id, "name": call.name, "arguments": arguments})
        return {"role": "assistant", "parts": [part]}
    if kind == "reasoning":
        thought = texts(each.get("text") for each in objects(sent.get("summary")))
        return {"role": "assistant", "parts": [{"type": "reasoning", "content": thought}] if thought else []}
    if kind == "function_call_output":
        part = {"type": "tool_call_response", "id": sent.get("call_id"), "response": sent.get("output")}
        return {"role": "tool", "parts": [named(part)]}
    content = sent.get("content")
    said = [{"type": "text", "text": content}] if isinstance(content, str) else objects(content)
    return {"role": str(sent.get("role") or "user"), "parts": [rendered_part(each) for each in said]}


def rendered_part(sent: Any) -> dict[str, Any]:
    """One part of a message's content."""
    if not isinstance(sent, Mapping):
        return {"type": "text", "content": str(sent)}
    if sent.get("file_id"):
        modality = "image" if sent.get("type") == "input_image" else "document"
        return {"type": "file", "modality": modality, "file_id": sent["file_id"]}
    if sent.get("type") == "input_image":
        return rendered_url("image", str(sent.get("image_url") or ""))
    if sent.get("type") == "input_file":
        return rendered_url("document", str(sent.get("file_url") or sent.get("file_data") or ""))
    return {"type": "text", "content": str(sent.get("text") or sent.get("refusal") or "")}
