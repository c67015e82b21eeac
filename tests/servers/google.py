"""Google's generateContent, from the host's side."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from llmtrace.types import Usage
from tests.servers.http import Received, Script
from tests.servers.wire import (
    CACHED,
    COUNTED,
    INPUT,
    KEY,
    OUTPUT,
    REASONING,
    Called,
    Finish,
    Heard,
    Refusal,
    Said,
    Wire,
    answer,
    event,
    first,
)

FIELDS: Final = frozenset(
    "contents systemInstruction generationConfig tools toolConfig safetySettings cachedContent".split()
)
CONFIG: Final = frozenset(
    "temperature topP topK maxOutputTokens stopSequences seed frequencyPenalty presencePenalty candidateCount "
    "responseMimeType responseJsonSchema responseSchema thinkingConfig responseLogprobs logprobs "
    "responseModalities".split()
)
SIGNATURE: Final = b"\xfbthought\xff"
"""Comes with the first call of a turn, and has to come back with it. Source: Google, Gemini API, Thought signatures."""


class GenerateContent(Wire):
    """The endpoint, of the Gemini API."""

    model = "gemini-2.5-flash"
    id = "resp-1"
    usage: Usage = COUNTED
    early: Usage = Usage(INPUT, 2 + REASONING, CACHED, None, REASONING)
    words: Mapping[Finish, str] = {
        "end": "STOP",
        "tools": "STOP",
        "length": "MAX_TOKENS",
        "filter": "SAFETY",
    }

    def _tokens(self, said: int) -> dict[str, Any]:
        return {
            "promptTokenCount": INPUT,
            "cachedContentTokenCount": CACHED,
            "candidatesTokenCount": said,
            "thoughtsTokenCount": REASONING,
            "totalTokenCount": INPUT + said + REASONING,
        }

    def _chunk(self, parts: list[Any], finish: str | None, tokens: int | None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
        if finish is not None:
            candidate["finishReason"] = finish
        head = {"modelVersion": self.model, "responseId": self.id}
        counted = {} if tokens is None else {"usageMetadata": self._tokens(tokens)}
        return {"candidates": [candidate], **counted, **head}

    def body(self, said: Said) -> dict[str, Any]:
        parts: list[dict[str, Any]] = [] if said.text is None else [{"text": said.text}]
        parts += [called(each, number) for number, each in enumerate(said.calls)]
        return self._chunk(parts, self.words[said.finish], OUTPUT - REASONING if said.counted else None)

    def empty(self) -> dict[str, Any]:
        return {"candidates": [], "usageMetadata": self._tokens(0), "modelVersion": self.model, "responseId": self.id}

    def events(self, said: Said) -> list[bytes]:
        return [event(each) for each in self._events(said)]

    def _events(self, said: Said) -> Iterator[dict[str, Any]]:
        """Each event tells what all so far has taken."""
        for number, word in enumerate(said.words, 1):
            yield self._chunk([{"text": word}], None, number if said.counted else None)
        for number, each in enumerate(said.calls):
            yield self._chunk([called(each, number)], None, 4 if said.counted else None)
        yield self._chunk([{"text": ""}], self.words[said.finish], OUTPUT - REASONING if said.counted else None)

    def failing(self, message: str) -> bytes:
        return event({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}})

    def error(self, status: int, message: str, **headers: str) -> Script:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return answer({"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}, status, sent)

    def wrong(self, received: Received) -> Refusal | None:
        if received.headers.get("x-goog-api-key") != KEY:
            return Refusal(401, "API key not valid. Please pass a valid API key.")
        url = urlsplit(received.path)
        streamed = url.path.endswith(":streamGenerateContent")
        if re.match(r"/v1(beta)?/models/", url.path) is None or not (streamed or url.path.endswith(":generateContent")):
            return Refusal(404, f"Not found: {url.path}")
        if streamed and parse_qs(url.query) != {"alt": ["sse"]}:
            return Refusal(400, "A stream of events is asked for with alt=sse.")
        body = received.json
        extra = sorted((body.keys() - FIELDS) | (body.get("generationConfig", {}).keys() - CONFIG))
        if extra:
            return Refusal(400, f'Invalid JSON payload received. Unknown name "{extra[0]}": Cannot find field.')
        return first((lambda: wrong_contents(body["contents"]), lambda: wrong_config(body)))

    def heard(self, received: Received) -> Heard:
        body, url = received.json, urlsplit(received.path)
        config = body.get("generationConfig", {})
        turns = [("system", part["text"]) for part in body.get("systemInstruction", {}).get("parts", ())]
        for each in body["contents"]:
            if not any("functionResponse" in part for part in each["parts"]):
                text = "".join(part.get("text", "") for part in each["parts"])
                turns.append(("assistant" if each["role"] == "model" else each["role"], text))
        kept = {"temperature": "temperature", "topP": "top_p", "maxOutputTokens": "max_tokens", "seed": "seed"}
        kept |= {"stopSequences": "stop"}
        shape = "schema" if "responseJsonSchema" in config else "json" if "responseMimeType" in config else "text"
        given = [part["functionResponse"] for each in body["contents"] for part in each["parts"] if is_result(part)]
        return Heard(
            unquote(url.path).rpartition("/")[2].partition(":")[0],
            tuple(turns),
            url.path.endswith(":streamGenerateContent"),
            {name: config[key] for key, name in kept.items() if key in config},
            tuple(each["name"] for group in body.get("tools", ()) for each in group["functionDeclarations"]),
            tuple((each.get("id"), each["response"]["result"]) for each in given),
            shape,  # type: ignore[arg-type]
        )


def called(call: Called, number: int) -> dict[str, Any]:
    """A part that asks for a tool; the first of a turn is signed."""
    part = {"functionCall": {"id": call.id, "name": call.name, "args": dict(call.arguments)}}
    return part if number else {**part, "thoughtSignature": base64.b64encode(SIGNATURE).decode()}


def is_result(part: Mapping[str, Any]) -> bool:
    """Whether a part is what a tool has returned."""
    return "functionResponse" in part


def wrong_contents(contents: list[Mapping[str, Any]]) -> Refusal | None:
    """Turns that the endpoint does not take."""
    waiting: list[str] = []
    for number, each in enumerate(contents):
        parts = each["parts"]
        if each.get("role") not in ("user", "model"):
            return Refusal(400, "Please use a valid role: user, model.")
        if not parts:
            return Refusal(400, "Unable to submit request because it must have at least one parts field.")
        given = [part["functionResponse"]["name"] for part in parts if is_result(part)]
        if given != waiting:
            return Refusal(400, "The number of function response parts has to equal that of function call parts.")
        calls = [part for part in parts if "functionCall" in part]
        if calls and base64.b64decode(calls[0].get("thoughtSignature", ""), b"-_") != SIGNATURE:
            return Refusal(400, f"Function call is missing a thought_signature in functionCall parts, at {number}.")
        waiting = [part["functionCall"]["name"] for part in calls]
    return None


def wrong_config(body: Mapping[str, Any]) -> Refusal | None:
    """Settings that do not go together."""
    config = body.get("generationConfig", {})
    if "responseJsonSchema" in config and config.get("responseMimeType") != "application/json":
        return Refusal(400, "A response schema needs the response mime type 'application/json'.")
    if body.get("tools") and config.get("responseMimeType") == "application/json":
        return Refusal(400, "Function calling with a response mime type: 'application/json' is unsupported")
    mode = body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode", "AUTO")
    if mode not in ("AUTO", "ANY", "NONE", "VALIDATED"):
        return Refusal(400, f"Invalid value at 'tool_config.function_calling_config.mode': {mode}")
    return None
