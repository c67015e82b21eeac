"""What hosts of chat completions say of tokens, each in its own way, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from llmtrace.providers import hosts
from llmtrace.providers.hosts import Host
from llmtrace.providers.openai_chat import ChatCompletions
from llmtrace.types import Usage

REASONED = {"completion_tokens_details": {"reasoning_tokens": 97}}
CASES: list[tuple[Host, dict[str, Any], Usage]] = [
    (hosts.OPENAI, {"prompt_tokens": 12, "completion_tokens": 98, "total_tokens": 110}, Usage(12, 98)),
    (
        hosts.OPENAI,
        {"prompt_tokens": 12, "completion_tokens": 98, "total_tokens": 110, **REASONED},
        Usage(12, 98, None, None, 97),
    ),
    (
        hosts.XAI,
        {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 110, **REASONED},
        Usage(12, 98, None, None, 97),
    ),
    (hosts.XAI, {"prompt_tokens": 12, "completion_tokens": 1, **REASONED}, Usage(12, 98, None, None, 97)),
    # xAI's models on a host of another
    (
        hosts.AZURE_AI,
        {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 110, **REASONED},
        Usage(12, 98, None, None, 97),
    ),
    (
        hosts.DEEPSEEK,
        {"prompt_tokens": 12, "completion_tokens": 3, "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 4},
        Usage(12, 3, 8),
    ),
    (
        hosts.OPENAI,
        {"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 0}},
        Usage(12, 3, 0),
    ),
    (
        hosts.OPENROUTER,
        {
            "prompt_tokens": 12,
            "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        },
        Usage(12, 3, 4, 2),
    ),
    (hosts.VLLM, {"prompt_tokens": 12, "completion_tokens": None, "prompt_tokens_details": None}, Usage(12)),
]


@pytest.mark.parametrize(("host", "told", "usage"), CASES)
def test_tokens_are_counted_as_the_host_means_them(host: Host, told: dict[str, Any], usage: Usage) -> None:
    protocol = ChatCompletions(host)
    body = {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": told}
    assert protocol.answer(body).usage == usage
    reader = protocol.reader()
    reader.feed({"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]})
    reader.feed({"choices": [], "usage": told})
    assert reader.answer().usage == usage
