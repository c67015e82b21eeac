"""Amazon Bedrock's Converse, from the host's side, with the binary form of its streams."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote
from zlib import crc32

from llmtrace.providers.messages import JSON_REQUEST
from llmtrace.types import Usage
from tests.servers.http import Received, Script
from tests.servers.wire import CACHED, INPUT, OUTPUT, THOUGHT, Finish, Heard, Refusal, Said, Wire, answer, first, halves

ACCESS_KEY: Final = "AKIATESTS"
REGION: Final = "eu-central-1"
SIGNED: Final = re.compile(
    rf"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/\d{{8}}/{REGION}/bedrock/aws4_request, "
    r"SignedHeaders=[a-z;-]*host[a-z;-]*x-amz-date[a-z;-]*, Signature=[0-9a-f]{64}"
)
PATH: Final = re.compile(r"/model/(?P<model>[^/]+)/converse(?P<streamed>-stream)?")
FIELDS: Final = frozenset(
    "messages system inferenceConfig toolConfig guardrailConfig additionalModelRequestFields promptVariables "
    "additionalModelResponseFieldPaths requestMetadata performanceConfig serviceTier outputConfig".split()
)
SIGNATURE: Final = "c2lnbmVk"
THINKING: Final = {"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": SIGNATURE}}}


class Converse(Wire):
    """The endpoint."""

    stream_type = "application/vnd.amazon.eventstream"
    model = None
    id = "7fdbc480-6d28-4d1c-abbc-bd7f17c7dfec"
    usage: Usage = Usage(INPUT, OUTPUT, CACHED, 0)
    words: Mapping[Finish, str] = {
        "end": "end_turn",
        "tools": "tool_use",
        "length": "max_tokens",
        "filter": "guardrail_intervened",
    }

    def headers(self) -> Mapping[str, str]:
        return {"x-amzn-RequestId": self.id}

    def _tokens(self) -> dict[str, int]:
        beside = {"cacheReadInputTokens": CACHED, "cacheWriteInputTokens": 0}
        return {"inputTokens": INPUT - CACHED, "outputTokens": OUTPUT, "totalTokens": INPUT + OUTPUT, **beside}

    def body(self, said: Said) -> dict[str, Any]:
        content: list[dict[str, Any]] = [dict(THINKING)] if said.calls else []
        if said.text is not None:
            content.append({"text": said.text})
        content += [
            {"toolUse": {"toolUseId": each.id, "name": each.name, "input": dict(each.arguments)}} for each in said.calls
        ]
        whole = {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": self.words[said.finish],
        }
        return {**whole, **({"usage": self._tokens()} if said.counted else {}), "metrics": {"latencyMs": 12}}

    def empty(self) -> dict[str, Any]:
        return {**self.body(Said()), "output": {"message": {"role": "assistant", "content": []}}}

    def events(self, said: Said) -> list[bytes]:
        return [frame({":event-type": kind, ":message-type": "event"}, body) for kind, body in self._events(said)]

    def _events(self, said: Said) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "messageStart", {"role": "assistant"}
        number = 0
        if said.calls:
            for delta in ({"text": THOUGHT}, {"signature": SIGNATURE}):
                yield "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": delta}}
            yield "contentBlockStop", {"contentBlockIndex": 0}
            number = 1
        for word in said.words:
            yield "contentBlockDelta", {"contentBlockIndex": number, "delta": {"text": word}}
        if said.text is not None:
            yield "contentBlockStop", {"contentBlockIndex": number}
            number += 1
        for index, each in enumerate(said.calls, number):
            start = {"toolUse": {"toolUseId": each.id, "name": each.name}}
            yield "contentBlockStart", {"contentBlockIndex": index, "start": start}
            for piece in halves(json.dumps(each.arguments)):
                yield "contentBlockDelta", {"contentBlockIndex": index, "delta": {"toolUse": {"input": piece}}}
            yield "contentBlockStop", {"contentBlockIndex": index}
        yield "messageStop", {"stopReason": self.words[said.finish]}
        yield "metadata", {**({"usage": self._tokens()} if said.counted else {}), "metrics": {"latencyMs": 12}}

    def failing(self, message: str) -> bytes:
        head = {":exception-type": "modelStreamErrorException", ":message-type": "exception"}
        return frame(head, {"message": message})

    def garbled(self) -> bytes:
        good = frame({":event-type": "contentBlockDelta", ":message-type": "event"}, {"delta": {"text": "?"}})
        return good[:-4] + bytes(4)  # its checksum is wrong

    def error(self, status: int, message: str, **headers: str) -> Script:
        kinds = {401: "UnrecognizedClientException", 404: "ResourceNotFoundException", 429: "ThrottlingException"}
        kind = kinds.get(status, "InternalServerException" if status >= 500 else "ValidationException")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return answer({"message": message}, status, {"x-amzn-ErrorType": f"{kind}:", **self.headers(), **sent})

    def wrong(self, received: Received) -> Refusal | None:
        if not SIGNED.fullmatch(received.headers.get("authorization", "")):
            return Refusal(401, "The security token included in the request is invalid.")
        if PATH.fullmatch(received.path) is None:
            return Refusal(404, f"Not found: {received.path}")
        body = received.json
        extra = sorted(body.keys() - FIELDS)
        if extra:
            return Refusal(400, f"extraneous key [{extra[0]}] is not permitted")
        return first((lambda: wrong_turns(body["messages"]), lambda: wrong_tools(body)))

    def heard(self, received: Received) -> Heard:
        body, path = received.json, PATH.fullmatch(received.path)
        assert path is not None
        system = [each["text"] for each in body.get("system", ())]
        turns = [("system", text) for text in system if text != JSON_REQUEST]
        turns += [
            (each["role"], "".join(block.get("text", "") for block in each["content"]))
            for each in body["messages"]
            if not any("toolResult" in block for block in each["content"])
        ]
        config, tools = body.get("inferenceConfig", {}), body.get("toolConfig", {})
        kept = {"temperature": "temperature", "topP": "top_p", "maxTokens": "max_tokens", "stopSequences": "stop"}
        forced = tools.get("toolChoice", {}).get("tool", {}).get("name")
        names = [each["toolSpec"]["name"] for each in tools.get("tools", ())]
        given = [block["toolResult"] for each in body["messages"] for block in each["content"] if "toolResult" in block]
        return Heard(
            unquote(path["model"]),
            tuple(turns),
            path["streamed"] is not None,
            {name: config[key] for key, name in kept.items() if key in config},
            tuple(name for name in names if name != forced),
            tuple((each["toolUseId"], each["content"][0]["text"]) for each in given),
            "schema" if forced else "json" if JSON_REQUEST in system else "text",
        )


def frame(headers: Mapping[str, str], body: Mapping[str, Any]) -> bytes:
    """One message of an event stream. Source: Amazon, smithy.io, "Amazon Event Stream Specification"."""
    packed = b"".join(header(name, value) for name, value in {**headers, ":content-type": "application/json"}.items())
    payload = json.dumps(body).encode()
    prelude = struct.pack("!II", 16 + len(packed) + len(payload), len(packed))
    told = prelude + struct.pack("!I", crc32(prelude)) + packed + payload
    return told + struct.pack("!I", crc32(told))


def header(name: str, value: str) -> bytes:
    """A header of a message; 7 is the type of texts."""
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()


def wrong_turns(messages: list[Mapping[str, Any]]) -> Refusal | None:
    """Messages that the endpoint does not take: roles take turns, texts say something, each call has its result."""
    waiting: set[str] = set()
    for number, each in enumerate(messages):
        wanted = "assistant" if number % 2 else "user"
        if each["role"] != wanted:
            return Refusal(400, f"A conversation must alternate between user and assistant roles: messages.{number}")
        if not each["content"] or any(not block.get("text", "-").strip() for block in each["content"]):
            return Refusal(400, f"The text field in the ContentBlock object at messages.{number} is blank.")
        given = {block["toolResult"]["toolUseId"] for block in each["content"] if "toolResult" in block}
        if given != waiting:
            return Refusal(400, f"Expected toolResult blocks at messages.{number}.content for: {waiting ^ given}")
        waiting = {block["toolUse"]["toolUseId"] for block in each["content"] if "toolUse" in block}
        if waiting and each["content"][0] != THINKING:
            return Refusal(400, f"messages.{number}: Expected `thinking` before `tool_use`")
    return Refusal(400, "Expected toolResult blocks.") if waiting else None


def wrong_tools(body: Mapping[str, Any]) -> Refusal | None:
    """Tools that the endpoint does not take."""
    tools = body.get("toolConfig")
    uses = any("toolUse" in block for message in body["messages"] for block in message["content"])
    if tools is None:
        return Refusal(400, "The toolConfig field must be defined when using toolUse.") if uses else None
    names = [each["toolSpec"]["name"] for each in tools["tools"]]
    if not names or not all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names):
        return Refusal(400, "toolConfig.tools.0.toolSpec.name failed to satisfy constraint")
    if any(each["toolSpec"]["inputSchema"]["json"].get("type") != "object" for each in tools["tools"]):
        return Refusal(400, "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be object.")
    forced = tools.get("toolChoice", {}).get("tool", {}).get("name")
    return Refusal(400, f"There is no tool {forced}.") if forced and forced not in names else None
