"""How many tokens a text has, and how many of a prompt's tokens the server has seen before."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

CACHED_FROM: Final = 1024  # the host caches prompts of at least so many tokens, in steps of 128
STEP: Final = 128
REMEMBERED: Final = 10_000

_PIECE: Final = re.compile(r"\s*(?:\w{1,6}|[^\w\s])")


def split(text: str) -> list[str]:
    """The text in pieces of about a token each; joined, they are the text."""
    pieces = _PIECE.findall(text)
    rest = text[sum(map(len, pieces)) :]
    return [*pieces, rest] if rest else pieces


def prompt_tokens(body: Mapping[str, Any]) -> list[str]:
    """The tokens of all that the request sends to the model, tools first, as the host counts a prompt's prefix."""
    texts = [json.dumps(body["tools"])] if body.get("tools") else []
    for message in body["messages"]:
        texts.append(f"{message['role']}\n{_text(message.get('content'))}\n")
        texts.extend(json.dumps(call) for call in message.get("tool_calls") or ())
    return [token for text in texts for token in split(text)]


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text") or json.dumps(part) for part in content)
    return content or ""


class PromptCache:
    """Prefixes of prompts seen so far, the newest `REMEMBERED` of them."""

    def __init__(self) -> None:
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._lock = threading.Lock()

    def cached(self, model: str, tokens: list[str]) -> int:
        """How many tokens at the start of this prompt were in one before; the prompt is remembered."""
        known, key = 0, hash(model)
        with self._lock:
            for size in range(STEP, len(tokens) + 1, STEP):
                key = hash((key, *tokens[size - STEP : size]))
                if size < CACHED_FROM:
                    continue
                if key in self._seen:
                    known = size
                self._seen[key] = None
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return known
