"""What llmtrace adds to one chat completion and to one streamed chunk, beside a hand-written span on the same SDK.

Run it with ``python -m benchmarks.overhead``. The provider is a transport in this process, so that nothing but the
client's work is measured. All variants run interleaved in one process; a figure is the median of the rounds, and what
counts are the ratios.

* *caller*: time that passes for the caller, exporters' threads running beside it, as they do in production;
* *cpu*: processor time of the whole process, with everything that was ended also exported (filters, redaction and
  rendering of
  content included; the exporters of all variants throw away what they get).
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import django
from django.conf import settings

CHUNKS = 200
PROMPT = "Recommend a fantasy book to someone who liked The Name of the Wind. " * 10
ANSWER = "Readers love the prose and the music of this book; a third wish that more happened. " * 12
USAGE = {
    "prompt_tokens": 312,
    "completion_tokens": 248,
    "total_tokens": 560,
    "prompt_tokens_details": {"cached_tokens": 128, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
HEAD = {"id": "chatcmpl-9x", "model": "gpt-4o-mini-2024-07-18", "created": 1763800000, "service_tier": "default"}
COMPLETION = {
    **HEAD,
    "object": "chat.completion",
    "system_fingerprint": "fp_1",
    "usage": USAGE,
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []},
        }
    ],
}


def sse() -> bytes:
    """A streamed answer of `CHUNKS` chunks with content."""
    head = {**HEAD, "object": "chat.completion.chunk", "system_fingerprint": "fp_1"}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    events = [chunk({"content": f"word{i} "}) for i in range(CHUNKS)]
    events += [chunk({}, "stop"), {**head, "choices": [], "usage": USAGE}]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode() + b"data: [DONE]\n\n"


def http_client() -> Any:
    """An HTTP client whose transport answers from memory."""
    from llmtrace.providers.openai_sdk import httpx

    whole, streamed = json.dumps(COMPLETION).encode(), sse()

    def answer(request: Any) -> Any:
        if b'"stream":true' in request.content.replace(b" ", b""):
            return httpx.Response(200, content=streamed, headers={"content-type": "text/event-stream"})
        return httpx.Response(200, content=whole, headers={"content-type": "application/json"})

    return httpx.Client(transport=httpx.MockTransport(answer))


def configure() -> Any:
    """Settings with one exporter that throws its spans away; returns the HTTP client."""
    options: dict[str, Any] = {"api_key": "k", "base_url": "http://model.local/v1"}
    settings.configure(
        USE_TZ=True,
        LLMTRACE={
            "PROVIDERS": {"default": {"BACKEND": "llmtrace.providers.OpenAI", "OPTIONS": options}},
            "EXPORTERS": [{"BACKEND": "benchmarks.discard.Discard", "QUEUE": {"size": 1_000_000}}],
        },
    )
    django.setup()
    client = http_client()
    options["http_client"] = client
    return client


class Variants:
    """The same call three ways."""

    def __init__(self, client: Any) -> None:
        from openai import OpenAI
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from benchmarks.discard import Discard
        from llmtrace import llm_call

        self.sdk = OpenAI(api_key="k", base_url="http://model.local/v1", http_client=client)
        self.provider = TracerProvider()
        self.provider.add_span_processor(BatchSpanProcessor(Discard(), max_queue_size=1_000_000))
        self.tracer = self.provider.get_tracer("by hand")

        @llm_call("gpt-4o-mini", temperature=0.2, max_tokens=500)
        def recommend(liked: str) -> str:
            return f"{liked}"

        @llm_call("gpt-4o-mini", temperature=0.2, max_tokens=500, stream=True)
        def recommend_streamed(liked: str) -> str:
            return f"{liked}"

        self.recommend, self.recommend_streamed = recommend, recommend_streamed

    def create(self, **more: Any) -> Any:
        messages: Any = [{"role": "user", "content": PROMPT}]
        return self.sdk.chat.completions.create(
            model="gpt-4o-mini", messages=messages, temperature=0.2, max_completion_tokens=500, **more
        )

    def bare(self) -> str:
        return str(self.create().choices[0].message.content)

    def by_hand(self) -> str:
        from opentelemetry.trace import SpanKind

        with self.tracer.start_as_current_span("chat gpt-4o-mini", kind=SpanKind.CLIENT) as span:
            self._asked(span)
            reply = self.create()
            text = str(reply.choices[0].message.content)
            self._answered(span, reply, text, reply.choices[0].finish_reason)
        return text

    def _asked(self, span: Any) -> None:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", "openai")
        span.set_attribute("gen_ai.request.model", "gpt-4o-mini")
        span.set_attribute("gen_ai.request.temperature", 0.2)
        span.set_attribute("gen_ai.request.max_tokens", 500)
        span.set_attribute("server.address", "model.local")
        span.set_attribute("server.port", 80)
        parts = [{"type": "text", "content": PROMPT}]
        span.set_attribute("gen_ai.input.messages", json.dumps([{"role": "user", "parts": parts}]))

    def _answered(self, span: Any, reply: Any, text: str, finish: str) -> None:
        span.set_attribute("gen_ai.response.id", reply.id)
        span.set_attribute("gen_ai.response.model", reply.model)
        span.set_attribute("gen_ai.response.finish_reasons", [finish])
        span.set_attribute("gen_ai.usage.input_tokens", reply.usage.prompt_tokens)
        span.set_attribute("gen_ai.usage.output_tokens", reply.usage.completion_tokens)
        span.set_attribute("gen_ai.usage.cache_read.input_tokens", reply.usage.prompt_tokens_details.cached_tokens)
        reasoning = reply.usage.completion_tokens_details.reasoning_tokens
        span.set_attribute("gen_ai.usage.reasoning.output_tokens", reasoning)
        span.set_attribute("openai.response.service_tier", reply.service_tier)
        message = {"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": finish}
        span.set_attribute("gen_ai.output.messages", json.dumps([message]))

    def ours(self) -> str:
        reply = self.recommend(PROMPT)
        assert reply.cost
        return reply.text

    def ours_with_raw(self) -> str:
        return str(self.recommend(PROMPT).raw.choices[0].message.content)

    def bare_stream(self) -> int:
        stream = self.create(stream=True, stream_options={"include_usage": True})
        return sum(1 for chunk in stream if chunk.choices and chunk.choices[0].delta.content)

    def our_stream(self) -> int:
        return sum(1 for chunk in self.recommend_streamed(PROMPT) if chunk.text)

    def flush(self) -> None:
        from opentelemetry.trace import get_tracer_provider

        self.provider.force_flush()
        get_tracer_provider().force_flush(60_000)  # type: ignore[attr-defined]


def rounds(
    names: dict[str, Callable[[], Any]], flush: Callable[[], None], count: int, calls: int
) -> Iterator[dict[str, Any]]:
    """One figure for each variant and round: seconds a call that pass, and that the processor works."""
    for _ in range(count):
        figures = {}
        for name, run in names.items():
            flush()
            gc.collect()
            cpu, began = time.process_time(), time.perf_counter()
            for _ in range(calls):
                run()
            passed = time.perf_counter() - began
            flush()
            figures[name] = (passed / calls, (time.process_time() - cpu) / calls)
        yield figures


def measure(
    variants: dict[str, Callable[[], Any]], flush: Callable[[], None], count: int, calls: int
) -> dict[str, tuple[float, float]]:
    """Medians over all rounds, in microseconds a call: caller, cpu."""
    for run in variants.values():
        for _ in range(30):
            run()
    seen = list(rounds(variants, flush, count, calls))
    return {
        name: (
            statistics.median(figures[name][0] for figures in seen) * 1e6,
            statistics.median(figures[name][1] for figures in seen) * 1e6,
        )
        for name in variants
    }


def main() -> None:
    from llmtrace.pipeline.fanout import fanout

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=200)
    arguments = parser.parse_args()
    variants = Variants(configure())
    assert variants.bare() == variants.by_hand() == variants.ours() == ANSWER
    assert variants.bare_stream() == variants.our_stream() == CHUNKS

    calls = {"bare SDK": variants.bare, "span by hand": variants.by_hand, "llmtrace": variants.ours}
    calls["… and the SDK's object"] = variants.ours_with_raw
    whole = measure(calls, variants.flush, arguments.rounds, arguments.calls)
    base = whole["bare SDK"]
    account = fanout.accounts()["Discard"]
    assert account.sent == account.ended > arguments.rounds * arguments.calls, account
    print(f"{'one chat completion':24}{'caller µs':>12}{'added':>10}{'cpu µs':>12}{'added':>10}")
    for name, (caller, cpu) in whole.items():
        print(f"{name:24}{caller:12.1f}{caller - base[0]:10.1f}{cpu:12.1f}{cpu - base[1]:10.1f}")
    hand, ours = whole["span by hand"], whole["llmtrace"]
    print(
        f"added by llmtrace, by a span by hand = 1: caller {ratio(ours, hand, base, 0):.2f}, cpu {ratio(ours, hand, base, 1):.2f}"
    )

    streams = {"bare SDK": variants.bare_stream, "llmtrace": variants.our_stream}
    streamed = measure(streams, variants.flush, arguments.rounds, max(1, arguments.calls // 20))
    print(
        f"\n{'a stream of ' + str(CHUNKS) + ' chunks':24}{'caller µs':>12}{'a chunk':>10}{'cpu µs':>12}{'a chunk':>10}"
    )
    for name, (caller, cpu) in streamed.items():
        print(f"{name:24}{caller:12.1f}{caller / CHUNKS:10.2f}{cpu:12.1f}{cpu / CHUNKS:10.2f}")
    added = [(streamed["llmtrace"][i] - streamed["bare SDK"][i]) / CHUNKS for i in (0, 1)]
    print(
        f"added by llmtrace to a chunk, its share of the call included: caller {added[0]:.2f} µs, cpu {added[1]:.2f} µs"
    )


def ratio(ours: tuple[float, float], hand: tuple[float, float], base: tuple[float, float], index: int) -> float:
    """What llmtrace adds to the bare call, in terms of what a span by hand adds."""
    return (ours[index] - base[index]) / (hand[index] - base[index])


if __name__ == "__main__":
    main()
