"""The HTTP side of the model server: routes, JSON, server-sent events, faults and a pace that feels like a model's."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from project.modelserver import answers
from project.modelserver.chat import Completion, complete
from project.modelserver.embeddings import embed
from project.modelserver.models import MODELS, Model
from project.modelserver.refusals import Refusal, check_chat, check_key, check_model
from project.modelserver.tokens import PromptCache

FIRST_TOKEN: Final = 0.15  # seconds
EACH_TOKEN: Final = 0.008
WHEN_CUT: Final = 5  # chunks that a broken stream sends


class ModelServer(ThreadingHTTPServer):
    """Serves on 127.0.0.1 from the moment it is made; `pace` scales the waiting (0 answers at once).

    As a context manager it serves in a thread of its own.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, pace: float = 1.0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.pace = pace
        self.cache = PromptCache()
        self._turned_away: set[bytes] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The base URL for a client, ending in /v1."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def turn_away(self, request: bytes) -> bool:
        """Whether a busy model sends this request away: the first time yes, then no."""
        key = hashlib.sha256(request).digest()
        with self._lock:
            first = key not in self._turned_away
            (self._turned_away.add if first else self._turned_away.discard)(key)
        return first

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what is wrong here; a client that has gone away is not."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), name="model-server", daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._route(raw)
        except Refusal as refusal:
            self._json(refusal.status, refusal.body(), dict(refusal.headers))

    def _route(self, raw: bytes) -> None:
        route = (self.command, self.path.partition("?")[0])
        check_key(self.headers.get("Authorization"))
        if route == ("GET", "/v1/models"):
            self._json(200, {"object": "list", "data": [_listed(name) for name in MODELS]})
        elif route == ("POST", "/v1/chat/completions"):
            self._chat(raw)
        elif route == ("POST", "/v1/embeddings"):
            body = _decoded(raw)
            self._json(200, embed(body, check_model(body, embeds=True)))
        else:
            raise Refusal(404, f"Invalid URL ({self.command} {self.path})")

    def _chat(self, raw: bytes) -> None:
        body = _decoded(raw)
        model = check_chat(body)
        self._refuse_by_name(model, raw)
        completion = complete(body, model, self.server.cache)
        self._wait(FIRST_TOKEN * (0.75 + answers.number(answers.said(body, "user")) % 50 / 100))
        if body.get("stream"):
            self._events(completion)
            return
        self._wait(EACH_TOKEN * sum(choice.size for choice in completion.choices) / 2)
        if model.fault in ("cut", "reset"):
            self._reset()
            return
        self._json(200, completion.whole())

    def _refuse_by_name(self, model: Model, raw: bytes) -> None:
        if model.fault == "busy" and self.server.turn_away(raw):
            message = f"Rate limit reached for {model.served} on requests per min (RPM). Please try again in 100ms."
            again = {"retry-after-ms": "100", "retry-after": "1"}
            raise Refusal(429, message, type="requests", code="rate_limit_exceeded", headers=again)
        if model.fault == "broken":
            message = "The server had an error while processing your request. Sorry about that!"
            raise Refusal(500, message, type="server_error")
        if model.fault == "forbidden":
            message = "Your request was rejected as a result of our safety system."
            raise Refusal(400, message, code="content_policy_violation")

    def _json(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body, ensure_ascii=False).encode(errors="replace")
        self._head(status, {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})})
        self.wfile.write(data)

    def _events(self, completion: Completion) -> None:
        self._head(200, {"Content-Type": "text/event-stream; charset=utf-8", "Transfer-Encoding": "chunked"})
        fault = completion.model.fault
        for sent, chunk in enumerate(completion.chunks()):
            if sent == WHEN_CUT and fault == "reset":
                self._reset()
                return
            if sent == WHEN_CUT and fault == "cut":
                break
            self._event(json.dumps(chunk, ensure_ascii=False).encode(errors="replace"))
            self._wait(EACH_TOKEN)
        else:
            self._event(b"[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: bytes) -> None:
        event = b"data: " + data + b"\n\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"x-request-id": f"req_{uuid.uuid4().hex}", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _reset(self) -> None:
        """Close with RST instead of FIN, as a host that dies does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _wait(self, seconds: float) -> None:
        time.sleep(seconds * self.server.pace)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what is asked here is a prompt, and the site logs its own requests."""


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        message = (
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP"
            " library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
        )
        raise Refusal(400, message)
    return body


def _listed(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1721172741, "owned_by": "local"}
