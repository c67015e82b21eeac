"""Recorded answers of real providers, as VCR wrote them down, and what their bodies say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from tests.servers.http import Script, whole

FRAMING: Final = ("content-encoding", "content-length", "transfer-encoding", "connection")


@dataclass(frozen=True)
class Recording:
    """One request and its answer."""

    file: str
    index: int
    uri: str
    request: bytes
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def name(self) -> str:
        """The file and the place in it."""
        return f"{self.file}[{self.index}]"

    @property
    def is_openai_chat(self) -> bool:
        """Whether OpenAI itself was asked for a chat completion."""
        parts = urlsplit(self.uri)
        return (parts.hostname, parts.path) == ("api.openai.com", "/v1/chat/completions")

    @property
    def asked(self) -> dict[str, Any]:
        """The request's body."""
        asked: dict[str, Any] = json.loads(self.request)
        return asked

    def script(self) -> Script:
        """The answer, for a server of ours. Bodies were written down decoded: what frames them on the wire is new."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in FRAMING}
        return whole(self.status, self.body, headers)


def recordings(folder: Path) -> Iterator[Recording]:
    """All that are in the folder and below it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted(folder.rglob("*.yaml")):
        told = yaml.load(path.read_text(), Loader=loader)
        for index, each in enumerate(told["interactions"]):
            yield _recording(str(path.relative_to(folder)), index, each)


def _recording(file: str, index: int, told: Mapping[str, Any]) -> Recording:
    request, response = told["request"], told["response"]
    headers = {name: values[0] for name, values in response["headers"].items()}
    body = response["body"].get("string", "")
    return Recording(
        file,
        index,
        request["uri"],
        _bytes(request["body"]),
        response["status"]["code"],
        headers,
        _bytes(body),
    )


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text or "").encode()


@dataclass
class Said:
    """What an answer's body says, read as plainly as it can be."""

    id: str | None = None
    model: str | None = None
    usage: Mapping[str, Any] | None = None
    texts: dict[int, str] = field(default_factory=dict)
    tools: dict[int, list[dict[str, str]]] = field(default_factory=dict)
    finish: dict[int, str] = field(default_factory=dict)

    @classmethod
    def by(cls, recording: Recording) -> Said:
        """The answer of a recording."""
        said = cls()
        for event in _events(recording.body.decode()):
            said.id, said.model = event["id"], event["model"]
            said.usage = event.get("usage") or said.usage
            for choice in event["choices"]:
                said._add(choice["index"], choice.get("message") or choice["delta"], choice["finish_reason"])
        return said

    def _add(self, index: int, message: Mapping[str, Any], finish: str | None) -> None:
        self.texts[index] = self.texts.get(index, "") + (message.get("content") or "")
        calls = self.tools.setdefault(index, [])
        for position, call in enumerate(message.get("tool_calls") or ()):
            at = call.get("index", position)
            if at == len(calls):
                calls.append({"id": call["id"], "name": call["function"]["name"], "arguments": ""})
            calls[at]["arguments"] += call["function"]["arguments"]
        if finish is not None:
            self.finish[index] = finish

    @property
    def choices(self) -> Sequence[int]:
        return sorted(self.texts)


def _events(body: str) -> Iterator[dict[str, Any]]:
    if not body.startswith("data:"):
        yield json.loads(body)
        return
    for line in body.splitlines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


@cache
def read(folder: Path) -> Sequence[Recording]:
    """All recordings, read once."""
    return tuple(recordings(folder))
