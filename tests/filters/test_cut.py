"""A token that a limit has cut in two is masked all the same: hardly more than its kind is left of it."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmtrace.filters import Redact
from llmtrace.filters.cut import PREFIXES, cut_off
from llmtrace.filters.redact import redact_text
from llmtrace.pipeline.ended import EndedSpan
from tests.filters.lookalikes import lookalikes
from tests.filters.secrets import TOKENS, planted

MASK = "[REDACTED]"
SHOWN = 10  # characters of a token beyond those that all of its kind begin with
ENDINGS = ("", "…", "...", "… (120 characters more)")


def begun(secret: str) -> int:
    """How many characters of `secret` are those that all of its kind begin with; 0 where that is no sign of a token."""
    return max((len(prefix) for prefix in PREFIXES if secret.startswith(prefix)), default=0)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_left_of_a_token_that_was_cut_is_masked(ending: str) -> None:
    left = {}
    known = [each for each in planted(41) if each.kind in TOKENS and begun(each.secret)]
    for each in known:
        for length in range(begun(each.secret) + SHOWN, len(each.secret)):
            text = f"It is {each.secret[:length]}{ending}"
            if not redact_text(text).startswith(f"It is {MASK}"):
                left[each.kind] = text
    assert len(known) >= 60
    assert left == {}


def test_a_limit_of_opentelemetrys_leaves_no_half_of_a_token() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider(span_limits=SpanLimits(max_span_attribute_length=32))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    said = "use sk-proj-9aB8cD7eF6gH5iJ4kL3mN2oP1qR0 for it"
    provider.get_tracer("shop").start_span("work", attributes={"said": said, "all": [said]}).end()
    (span,) = kept.get_finished_spans()
    assert (span.attributes or {})["said"] == said[:32]
    masked = Redact()(EndedSpan.of(span)).attributes
    assert masked["said"] == f"use {MASK}"
    assert list(masked["all"]) == [f"use {MASK}"]


@pytest.mark.parametrize("ellipsis", ["… (truncated), next", "...", "[...] and so on", "…\n", "\\u2026 and more"])
def test_what_stands_before_an_ellipsis_in_the_middle_is_masked(ellipsis: str) -> None:
    text = (
        f"It is sk-proj-abc123{ellipsis} or postgres://shop:hunter2xY9{ellipsis} or sk-ant-api03-9aB8cD{ellipsis} now"
    )
    masked = f"It is {MASK}{ellipsis} or postgres://shop:{MASK}{ellipsis} or {MASK}{ellipsis} now"
    assert redact_text(text) == masked
    harmless = f"Keys begin with sk-proj-{ellipsis} and hosts are http://localhost:8000{ellipsis}"
    assert redact_text(harmless) == harmless


def test_a_password_in_a_url_that_was_cut() -> None:
    assert redact_text("postgres://shop:hunter2xY9") == f"postgres://shop:{MASK}"
    assert redact_text("http://localhost:8000") == "http://localhost:8000"


@pytest.mark.parametrize(
    "text",
    [
        *("I use sk-learn", "hf_model_v2", "pip install pypi-server", "ghp_xxxxxxxx", "key-value"),
        *("xai-org/grok-1", "sl.wikipedia.org", "https://shop.example/sk-SK/kosik.html", "sk_buff.h", "rnd_seed=42"),
        *("fc-7d9f8b6c5d-x2x9p", "fw_config.json", "A3-4B-Instruct", "pplx-70b-online", "jina_v2.onnx9"),
        *("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB... bob", "data:video/mp4;base64,AAAAGGZ0eXBtcDQy"),
        *("docker://repo:v1.2.3", "oci://registry:build42", "https://registry:tag1.2", "napi_rs.linux-x64"),
    ],
)
def test_words_that_begin_as_tokens_do_are_left(text: str) -> None:
    assert redact_text(text) == text


def test_harmless_texts_that_were_cut_are_left() -> None:
    texts = [text[: len(text) * part // 4] for text in lookalikes(5) for part in (1, 2, 3)]
    masked = [text for text in texts if [*cut_off(text)]]
    assert len(masked) <= 0.01 * len(texts), masked
