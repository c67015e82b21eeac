"""What OpenAI's chat completions endpoint answers: whole, streamed, refused, and broken as networks break things."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from tests.servers.http import PATIENCE_S, Script, ScriptedServer, break_off, chunked, head, whole

MODEL: Final = "gpt-4o-mini-2024-07-18"
USAGE: Final = {
    "prompt_tokens": 21,
    "completion_tokens": 7,
    "total_tokens": 28,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
}
TEXT: Final = "Read The Hobbit."

End = Literal["done", "cut", "torn", "reset"]
"""How a stream's answer ends: with ``[DONE]``; in good order but without its end; with the connection closed inside the
body; with the connection reset."""

Event = Mapping[str, Any] | str | threading.Event
"""An event's data, an event as it goes over the wire, or a gate that the server waits at."""


def base_url(server: ScriptedServer) -> str:
    """What a client is given as ``base_url``."""
    return f"http://127.0.0.1:{server.port}/v1"


def choice(text: str | None = TEXT, finish: str | None = "stop", index: int = 0, **message: Any) -> dict[str, Any]:
    """A choice of a whole answer."""
    said = {"role": "assistant", "content": text, "refusal": None, **message}
    return {"index": index, "message": said, "logprobs": None, "finish_reason": finish}


def completion(*choices: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """The body of a whole answer."""
    return {
        "id": "chatcmpl-B1",
        "object": "chat.completion",
        "created": 1741569952,
        "model": MODEL,
        "choices": list(choices) or [choice()],
        "usage": USAGE,
        "service_tier": "default",
        "system_fingerprint": "fp_06737a9306",
        **fields,
    }


def answer(body: Any = None, status: int = 200, **headers: str) -> Script:
    """An answer with a JSON body."""
    sent = {"content-type": "application/json", "x-request-id": "req_1"}
    sent.update((name.replace("_", "-"), value) for name, value in headers.items())
    return whole(status, json.dumps(completion() if body is None else body).encode(), sent)


def refusal(status: int, message: str = "No.", code: str | None = None, **headers: str) -> Script:
    """An error as OpenAI answers it."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return answer({"error": error}, status, **headers)


def unavailable(status: int = 500) -> Script:
    """An error that the SDK tries again at once."""
    return refusal(status, "Try again.", retry_after_ms="1")


def chunk(text: str | None = None, finish: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    """An event of a stream with one choice; `delta` adds to what it says, other fields to the event itself."""
    delta: dict[str, Any] = dict(fields.pop("delta", {}))
    if text is not None:
        delta["content"] = text
    return _event([{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}], **fields)


def usage_chunk(usage: Mapping[str, Any] = USAGE) -> dict[str, Any]:
    """The last event, which has the usage and no choices."""
    return _event([], usage=usage)


def _event(choices: Sequence[Any], **fields: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-S1",
        "object": "chat.completion.chunk",
        "created": 1741569952,
        "model": MODEL,
        "service_tier": "default",
        "system_fingerprint": "fp_06737a9306",
        "choices": list(choices),
        "usage": None,
        **fields,
    }


def spoken(text: str = TEXT) -> list[Mapping[str, Any]]:
    """The events of an answer: a role, a word each, the finish reason, the usage."""
    words = [f"{word} " for word in text.split(" ")]
    words[-1] = words[-1].rstrip()
    return [chunk("", delta={"role": "assistant"}), *map(chunk, words), chunk(finish="stop"), usage_chunk()]


def stream(events: Sequence[Event] | None = None, end: End = "done", then: Callable[[], Any] | None = None) -> Script:
    """An answer as server-sent events, the whole of `spoken` if left out.

    `then` is called when the last event has been written, or when the client has hung up before.
    """
    sent = spoken() if events is None else events

    def write(connection: socket.socket) -> bool:
        try:
            return _stream(connection, sent, end)
        finally:
            if then is not None:
                then()

    return write


def _stream(connection: socket.socket, events: Sequence[Event], end: End) -> bool:
    headers = {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"}
    connection.sendall(head(200, headers))
    for event in events:
        if isinstance(event, threading.Event):
            if not event.wait(PATIENCE_S):
                return False
        else:
            connection.sendall(chunked(_wire(event)))
    if end == "reset":
        break_off(connection)
    if end in ("reset", "torn"):
        return False
    connection.sendall((chunked(b"data: [DONE]\n\n") if end == "done" else b"") + chunked(b""))
    return True


def _wire(event: Mapping[str, Any] | str) -> bytes:
    text = event if isinstance(event, str) else f"data: {json.dumps(event)}\n\n"
    return text.encode()


def tools(*calls: tuple[str, str, str]) -> dict[str, Any]:
    """The ``tool_calls`` of a whole message from ids, names and arguments."""
    made = [{"id": id, "type": "function", "function": {"name": name, "arguments": text}} for id, name, text in calls]
    return {"tool_calls": made}
