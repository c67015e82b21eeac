"""What an answer costs by each provider's own way of counting, to the last digit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest
from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from llmtrace import LLM
from llmtrace.testing import captured_spans
from tests.providers.rows import ROWS, Row
from tests.scripted import providers
from tests.servers.http import ScriptedServer
from tests.servers.openai import answer, completion
from tests.servers.wire import Host, Said

PRICES: Final = {"input_mtok": "1", "cache_read_mtok": "0.1", "cache_write_mtok": "2", "output_mtok": "10"}
COST: Final = Decimal("0.0000874")
"""Of 21 tokens sent, 4 of them from the cache, and 7 that came back, thoughts among them: 17 + 0.4 + 70 millionths."""


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("streamed", [False, True])
def test_cached_tokens_are_part_of_what_was_sent_and_thoughts_of_what_came_back(row: Row, streamed: bool) -> None:
    with Host(row.wire()) as host:
        host.answers((host.wire.streamed if streamed else host.wire.whole)(Said()))
        named = {host.wire.model or row.asked: PRICES}
        with captured_spans(PROVIDERS={"default": row.provider(host)}, PRICES=named) as spans:
            llm = LLM(row.asked)
            if streamed:
                opened = llm.stream("Recommend a book")
                list(opened)
                reply: Any = opened.reply
            else:
                reply = llm.chat("Recommend a book")
            (span,) = spans
    assert reply.cost == COST
    assert span.attributes["llmtrace.cost"] == float(COST)


@pytest.mark.parametrize("tier", ["default", "flex", "priority", None])
def test_the_tier_that_answered_decides(server: ScriptedServer, tier: str | None) -> None:
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000, "total_tokens": 2_000_000}
    server.answers(answer(completion(model="gpt-5", usage=usage, service_tier=tier)))
    with captured_spans(PROVIDERS=providers(server)):
        reply = LLM("gpt-5").chat("Hello", extra={"service_tier": "auto"})
    context: Any = {"service_tier": tier} if tier else None
    asked = PricedUsage(input_tokens=1_000_000, output_tokens=1_000_000)
    expected = calc_price(asked, "gpt-5", provider_id="openai", price_context=context).total_price
    plain = calc_price(asked, "gpt-5", provider_id="openai").total_price
    assert reply.cost == expected
    assert (expected == plain) is (tier in ("default", None))
