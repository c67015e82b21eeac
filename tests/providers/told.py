"""What the bodies of recorded answers say, read as plainly as they can be, protocol by protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.eventstream import EventStreamBuffer

from tests.calls.recordings import Recording


@dataclass
class Told:
    """An answer's own words and numbers; `calls` are name and arguments."""

    id: str | None = None
    model: str | None = None
    finish: list[str] = field(default_factory=list)
    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    input: int | None = None
    output: int | None = None
    cached: int | None = None
    reasoning: int | None = None


def lines(recording: Recording) -> Iterator[dict[str, Any]]:
    """The JSON of each event of a stream, or the one of an answer."""
    text = recording.body.decode()
    if not text.startswith(("data:", "event:")):
        yield json.loads(text)
        return
    for line in text.splitlines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def chat(recording: Recording) -> Told:
    """Chat completions, of every host."""
    told, finish, calls = Told(), dict[int, str](), dict[int, dict[str, Any]]()
    usage: Mapping[str, Any] = {}
    for event in lines(recording):
        told.id, told.model = event.get("id") or told.id, event.get("model") or told.model
        usage = event.get("usage") or (event.get("x_groq") or {}).get("usage") or usage
        for choice in event.get("choices", ()):  # a prompt that Azure filtered is answered with an error and status 200
            if choice.get("finish_reason"):
                finish[choice["index"]] = choice["finish_reason"]
            said = choice.get("message") or choice.get("delta") or {}
            if choice["index"] == 0:
                told.text += said.get("content") or ""
                for position, call in enumerate(said.get("tool_calls") or ()):
                    known = calls.setdefault(call.get("index", position), {"name": "", "arguments": ""})
                    known["name"] += call["function"].get("name") or ""
                    known["arguments"] += call["function"].get("arguments") or ""
    told.finish = [finish[index] for index in sorted(finish)]
    told.calls = [(call["name"], json.loads(call["arguments"])) for call in calls.values()]
    told.input, told.output = usage.get("prompt_tokens"), usage.get("completion_tokens")
    told.cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", usage.get("prompt_cache_hit_tokens"))
    told.reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    return told


def responses(recording: Recording) -> Told:
    """OpenAI's Responses: the last event of a stream holds all."""
    *_, last = lines(recording)
    data = last.get("response", last)
    told = Told(data["id"], data["model"], [(data["incomplete_details"] or {}).get("reason") or data["status"]])
    for item in data["output"]:
        if item["type"] == "message":
            told.text += "".join(part["text"] for part in item["content"])
        if item["type"] == "function_call":
            told.calls.append((item["name"], json.loads(item["arguments"])))
    usage = data["usage"]
    told.input, told.output = usage["input_tokens"], usage["output_tokens"]
    told.cached = usage["input_tokens_details"]["cached_tokens"]
    told.reasoning = usage["output_tokens_details"]["reasoning_tokens"]
    return told


def anthropic(recording: Recording) -> Told:
    """Anthropic's Messages: what the cache gave and took is beside the input."""
    told, blocks = Told(), dict[int, dict[str, Any]]()
    usage: dict[str, Any] = {}
    for event in lines(recording):
        data = event.get("message") or event
        told.id, told.model = data.get("id") or told.id, data.get("model") or told.model
        usage |= {name: value for name, value in (data.get("usage") or {}).items() if value is not None}
        for index, block in enumerate(data.get("content") or ()):
            blocks[index] = {**block, "json": json.dumps(block.get("input"))}
        if event.get("type") == "content_block_start":
            blocks[event["index"]] = {**event["content_block"], "json": ""}
        if event.get("type") == "content_block_delta":
            delta, block = event["delta"], blocks[event["index"]]
            block["text"] = block.get("text", "") + delta.get("text", "")
            block["json"] += delta.get("partial_json", "")
        reason = data.get("stop_reason") or event.get("delta", {}).get("stop_reason")
        told.finish = [reason] if reason else told.finish
    for block in blocks.values():
        if block["type"] == "text":
            told.text += block["text"]
        if block["type"] == "tool_use":
            told.calls.append((block["name"], json.loads(block["json"] or "{}")))
    told.cached = usage.get("cache_read_input_tokens")
    told.input = usage["input_tokens"] + (told.cached or 0) + (usage.get("cache_creation_input_tokens") or 0)
    told.output = usage["output_tokens"]
    return told


FINISH_REASONS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY"}
"""Google's numbers for them: some answers were recorded with numbers for all enumerations."""


def google(recording: Recording) -> Told:
    """Google's generateContent: usage is repeated, thinking is beside the candidates."""
    told, usage = Told(), dict[str, Any]()
    for event in lines(recording):
        told.id, told.model = event.get("responseId") or told.id, event.get("modelVersion") or told.model
        usage = event.get("usageMetadata") or usage
        for candidate in event.get("candidates", ()):
            for part in candidate.get("content", {}).get("parts", ()):
                if "functionCall" in part:
                    told.calls.append((part["functionCall"]["name"], part["functionCall"]["args"]))
                elif not part.get("thought"):
                    told.text += part.get("text", "")
            if candidate.get("finishReason"):
                told.finish = [FINISH_REASONS.get(candidate["finishReason"], candidate["finishReason"])]
    told.input, told.reasoning = usage.get("promptTokenCount"), usage.get("thoughtsTokenCount")
    if "candidatesTokenCount" in usage or told.reasoning:  # a length limit may leave only thoughts
        told.output = usage.get("candidatesTokenCount", 0) + (told.reasoning or 0)
    told.cached = usage.get("cachedContentTokenCount")
    return told


def converse(recording: Recording) -> Told:
    """Bedrock's Converse: it names no model; streams are in Amazon's own binary form."""
    events = list(converse_events(recording))
    told, calls = Told(), dict[int, dict[str, str]]()
    usage: Mapping[str, Any] = {}
    for event in events:
        usage = event.get("usage") or usage
        told.finish = [event["stopReason"]] if "stopReason" in event else told.finish
        for block in event.get("output", {}).get("message", {}).get("content", ()):
            told.text += block.get("text", "")
            if "toolUse" in block:
                told.calls.append((block["toolUse"]["name"], block["toolUse"]["input"]))
        if "start" in event:
            calls[event["contentBlockIndex"]] = {"name": event["start"]["toolUse"]["name"], "input": ""}
        if "delta" in event:
            told.text += event["delta"].get("text", "")
            if "toolUse" in event["delta"]:
                calls[event["contentBlockIndex"]]["input"] += event["delta"]["toolUse"]["input"]
    told.calls += [(call["name"], json.loads(call["input"] or "{}")) for call in calls.values()]
    told.input, told.output = usage.get("inputTokens"), usage.get("outputTokens")
    return told


def converse_events(recording: Recording) -> Iterator[dict[str, Any]]:
    """The events of an answer in either form."""
    if recording.body.startswith(b"{"):
        yield json.loads(recording.body)
        return
    buffer = EventStreamBuffer()
    buffer.add_data(recording.body)
    for event in buffer:
        yield json.loads(event.payload)


def cohere(recording: Recording) -> Told:
    """Cohere's v2 chat: the billed units count."""
    told, usage, calls = Told(), dict[str, Any](), list[list[str]]()
    for event in lines(recording):
        delta = event.get("delta") or {}
        told.id = event.get("id") or told.id
        usage = event.get("usage") or delta.get("usage") or usage
        reason = event.get("finish_reason") or delta.get("finish_reason")
        told.finish = [reason] if reason else told.finish
        said = event.get("message") or delta.get("message") or {}
        content = said.get("content") or ()
        parts = [content] if isinstance(content, dict) else content
        told.text += "".join(part.get("text", "") for part in parts)
        given = said.get("tool_calls") or ()
        for call in [given] if isinstance(given, dict) else given:
            if "name" in call["function"]:
                calls.append([call["function"]["name"], ""])
            calls[-1][1] += call["function"].get("arguments", "")
    told.calls = [(name, json.loads(arguments)) for name, arguments in calls]
    billed = usage.get("billed_units") or {}
    told.input, told.output = billed.get("input_tokens"), billed.get("output_tokens")
    return told


def embeddings(recording: Recording) -> Told:
    """Vectors: what they took."""
    (data,) = lines(recording)
    usage = data.get("usage") or (data.get("meta") or {}).get("billed_units") or {}
    return Told(data.get("id"), data.get("model"), input=usage.get("prompt_tokens", usage.get("input_tokens")))
