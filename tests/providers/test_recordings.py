"""What real providers have answered to others, answered to us over HTTP: the stored row says what the body says."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest
from google.oauth2.credentials import Credentials

from llmtrace import LLM
from llmtrace.store.records import record
from llmtrace.testing import CapturedSpans, captured_spans
from tests.calls.recordings import Recording, read
from tests.providers import told
from tests.providers.told import FINISH_REASONS, Told
from tests.servers.http import ScriptedServer
from tests.services import cassettes

Reading = Callable[[Recording], Told]

GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True)
class Kind:
    """A provider's endpoint: who speaks to it, and how its answers are read."""

    backend: str
    read: Reading
    suffix: str = ""  # of the base URL, after the server's own
    options: dict[str, Any] | None = None
    embeds: bool = False


VERTEX: Final = {"vertexai": True, "project": "p", "location": "us-central1"}
AWS: Final = {"api_key": None, "region": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
AZURE: Final = {"api_version": "2024-02-01"}
KINDS: Final[dict[tuple[str, str], Kind]] = {
    ("api.openai.com", "/v1/responses"): Kind("OpenAI", told.responses, "/v1", {"api": "responses"}),
    ("api.openai.com", "/v1/embeddings"): Kind("OpenAI", told.embeddings, "/v1", embeds=True),
    ("api.anthropic.com", "/v1/messages"): Kind("Anthropic", told.anthropic),
    ("api.mistral.ai", "/v1/chat/completions"): Kind("Mistral", told.chat, "/v1"),
    ("api.mistral.ai", "/v1/embeddings"): Kind("Mistral", told.embeddings, "/v1", embeds=True),
    ("api.groq.com", "/openai/v1/chat/completions"): Kind("Groq", told.chat, "/openai/v1"),
    ("api.deepseek.com", "/beta/chat/completions"): Kind("DeepSeek", told.chat, "/beta"),
    ("api.together.xyz", "/v1/chat/completions"): Kind("Together", told.chat, "/v1"),
    ("localhost", "/v1/chat/completions"): Kind("VLLM", told.chat, "/v1"),
    ("api.cohere.com", "/v2/chat"): Kind("Cohere", told.cohere),
    ("api.cohere.com", "/v2/embed"): Kind("Cohere", told.embeddings, embeds=True),
}
ENDINGS: Final[dict[str, Kind]] = {
    "openai.azure.com/chat/completions": Kind("AzureOpenAI", told.chat, options=AZURE),
    "openai.azure.com/embeddings": Kind("AzureOpenAI", told.embeddings, options=AZURE, embeds=True),
    "amazonaws.com/converse": Kind("Bedrock", told.converse, options=AWS),
    "amazonaws.com/converse-stream": Kind("Bedrock", told.converse, options=AWS),
    "googleapis.com:generateContent": Kind("Google", told.google, options=VERTEX),
    "googleapis.com:streamGenerateContent": Kind("Google", told.google, options=VERTEX),
}


def kind_of(recording: Recording) -> Kind | None:
    """The endpoint that was recorded, None for one that llmtrace has no call for."""
    parts = urlsplit(recording.uri)
    host, path = parts.hostname or "", parts.path
    known = KINDS.get((host, path))
    if known is not None:
        return known
    for ending, kind in ENDINGS.items():
        domain, _, tail = ending.partition(":") if ":" in ending else ending.partition("/")
        if host.endswith(domain) and path.endswith(f":{tail}" if ":" in ending else f"/{tail}"):
            return kind
    return None


def reason(recording: Recording) -> str:
    """Why a recording is left out here."""
    parts = urlsplit(recording.uri)
    host, path = parts.hostname or "", parts.path
    if (host, path) == ("api.openai.com", "/v1/chat/completions"):
        return "OpenAI's chat completions: with the tests of calls"
    if path.endswith(("/invoke", "/invoke-with-response-stream")):
        return "Bedrock's InvokeModel: a body for each family of models; Converse is the one for all"
    if path.endswith(("/completions", "/complete", "/generate")):
        return "text completion: an older way, without messages"
    if path == "/v1/chat":
        return "Cohere's v1 chat: an older protocol; v2 is spoken"
    return "no model is called"


def plain(recording: Recording) -> Recording:
    """The recording with its body unpacked: some were written down as they came."""
    body = gzip.decompress(recording.body) if recording.body.startswith(GZIP) else recording.body
    if "enum-encoding" in recording.uri:
        body = worded(body)
    return replace(recording, body=body)


def worded(body: bytes) -> bytes:
    """Google's answer with words for its enumerations: another SDK had asked for numbers, which this one can't read."""
    data = json.loads(body)
    for candidate in data.get("candidates", ()):
        candidate["finishReason"] = FINISH_REASONS[candidate["finishReason"]]
        candidate.pop("safetyRatings", None)
    for name in ("promptTokensDetails", "candidatesTokensDetails", "trafficType"):
        data.get("usageMetadata", {}).pop(name, None)
    return json.dumps(data).encode()


def every() -> list[Any]:
    """Each recording of a provider's chat or embeddings as a test's parameter; one that skips where there are none."""
    try:
        folder = cassettes()
    except pytest.skip.Exception as skipped:
        return [pytest.param(None, marks=pytest.mark.skip(reason=str(skipped)))]
    return [pytest.param(plain(each), id=each.name) for each in read(folder) if kind_of(each) is not None]


def options(kind: Kind, server: ScriptedServer) -> dict[str, Any]:
    """``OPTIONS`` that lead to `server`."""
    given = {"api_key": "key-for-tests", "max_retries": 0, **(kind.options or {})}
    if given.get("vertexai"):
        given |= {"credentials": Credentials(token="token-for-tests"), "api_key": None}  # type: ignore[no-untyped-call]
    return {**given, "base_url": f"http://127.0.0.1:{server.port}{kind.suffix}"}


def name(kind: Kind) -> str:
    """The kind's name in ``PROVIDERS``."""
    return f"{kind.backend} {kind.suffix} {kind.options}"


def model_of(recording: Recording) -> str:
    """The model that was asked."""
    path = unquote(urlsplit(recording.uri).path)
    if "/model/" in path:
        return path.split("/model/")[1].split("/")[0]
    if "/models/" in path:
        return path.split("/models/")[1].split(":")[0]
    model: str = recording.asked["model"]
    return model


def is_streamed(recording: Recording) -> bool:
    """Whether the answer was asked for as a stream."""
    path = urlsplit(recording.uri).path
    if path.endswith(("-stream", ":streamGenerateContent")):
        return True
    return recording.request.startswith(b"{") and bool(recording.asked.get("stream"))


def replay(recording: Recording, kind: Kind) -> str:
    """Ask for it again, sync or async as it was recorded; the text of the answer."""
    llm = LLM(model_of(recording), provider=name(kind))
    if "async" in recording.file:
        return asyncio.run(areplay(recording, kind, llm))
    if kind.embeds:
        return str(llm.embed("a text").vectors and "")
    if is_streamed(recording):
        return "".join(chunk.text for chunk in llm.stream("Say this is a test"))
    return llm.chat("Say this is a test").text


async def areplay(recording: Recording, kind: Kind, llm: LLM) -> str:
    if kind.embeds:
        return str((await llm.aembed("a text")).vectors and "")
    if is_streamed(recording):
        return "".join([chunk.text async for chunk in llm.astream("Say this is a test")])
    return (await llm.achat("Say this is a test")).text


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    """The server of all providers."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture(scope="module")
def all_spans(server: ScriptedServer) -> Iterator[CapturedSpans]:
    """The spans of the module. SDK clients are made once: one of boto3's takes half a second."""
    named = {
        name(kind): {"BACKEND": f"llmtrace.providers.{kind.backend}", "OPTIONS": options(kind, server)}
        for kind in (*KINDS.values(), *ENDINGS.values())
    }
    with captured_spans(
        PROVIDERS={"default": named[name(KINDS["api.anthropic.com", "/v1/messages"])], **named}
    ) as spans:
        yield spans


@pytest.mark.parametrize("recording", every())
def test_the_stored_row_says_what_the_recorded_body_says(
    recording: Recording, server: ScriptedServer, all_spans: CapturedSpans
) -> None:
    kind = kind_of(recording)
    assert kind is not None
    all_spans.clear()
    server.answers(recording.script())
    if recording.status >= 400:
        with pytest.raises(Exception, match=r".+") as caught:
            replay(recording, kind)
        (span,) = all_spans
        row = record(span)
        assert row.status == "ERROR"
        assert row.error_type is not None
        assert row.error_type.endswith(type(caught.value).__name__)
        return
    text = replay(recording, kind)
    (span,) = all_spans
    check(record(span), kind.read(recording), text, recording, kind)


def check(row: Any, said: Told, text: str, recording: Recording, kind: Kind) -> None:
    """Compare a stored row with what was said, number by number."""
    attributes = json.loads(row.attributes) if isinstance(row.attributes, str) else row.attributes
    assert row.model == (said.model or model_of(recording))
    if kind.backend != "Bedrock":  # its id is that of the request, in a header
        assert attributes.get("gen_ai.response.id") == said.id
    assert attributes.get("gen_ai.response.finish_reasons", []) == said.finish
    assert (row.input_tokens, row.output_tokens) == (said.input, said.output)
    assert (row.cached_tokens, row.reasoning_tokens) == (said.cached, said.reasoning)
    if kind.embeds:
        return
    assert text == said.text
    content = json.loads(row.content) if isinstance(row.content, str) else row.content
    calls = [
        (part["name"], part["arguments"])
        for part in (content.get("gen_ai.output.messages") or [{"parts": []}])[0]["parts"]
        if part["type"] == "tool_call"
    ]
    assert calls == said.calls


def test_every_recording_is_covered_or_named_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    recordings = read(cassettes())
    covered = [each for each in recordings if kind_of(each) is not None]
    left_out = {each.name: reason(each) for each in recordings if kind_of(each) is None}
    by_backend = Counter(kind.backend for each in covered if (kind := kind_of(each)) is not None)
    with capsys.disabled():
        print(f"\ncovered: {len(covered)} of {len(recordings)} recorded answers: {dict(by_backend)}")  # noqa: T201
        for why, count in sorted(Counter(left_out.values()).items()):
            print(f"left out: {count:3}  {why}")  # noqa: T201
    print("\n".join(f"{name}: {why}" for name, why in left_out.items()))  # noqa: T201
    assert len(covered) + len(left_out) == len(recordings)
    assert by_backend.keys() >= {"OpenAI", "Anthropic", "Mistral", "Groq", "AzureOpenAI", "Google", "Bedrock", "Cohere"}
