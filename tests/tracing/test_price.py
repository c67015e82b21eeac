"""Costs are those of genai-prices to the last digit, at a fraction of its time, and a team's own prices come first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from django.test import override_settings
from genai_prices import Usage as PricedUsage
from genai_prices import calc_price, data_snapshot

from llmtrace.tracing import price
from llmtrace.types import Usage

USAGES: Final = (
    Usage(1000, 500),
    Usage(1_000_000, 100_000),
    Usage(150_000, 7, 100_000),
    Usage(300_000, 2000, 250_000, 1000),
    Usage(128_001, 10, 1),
    Usage(0, 0),
    Usage(1000, 500, 0, 0, 400),
    Usage(3, None),
    Usage(None, 3),
)


def models() -> Iterator[tuple[str, str]]:
    """Each provider and model of the bundled table, by the names that they are found by."""
    for provider in data_snapshot.get_snapshot().providers:
        for model in provider.models:
            yield provider.id, model.id


def theirs(provider: str, model: str, usage: Usage, at: datetime) -> Decimal | None:
    """What genai-prices says."""
    priced = PricedUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
    )
    try:
        return calc_price(priced, model, provider_id=provider, genai_request_timestamp=at).total_price
    except (LookupError, ValueError):
        return None


@pytest.fixture
def fresh() -> Iterator[None]:
    """No price is remembered."""
    with override_settings(LLMTRACE={}):
        yield


def test_every_model_costs_what_genai_prices_says(fresh: None) -> None:
    different: list[Any] = []
    count = 0
    for provider, model in models():
        at = datetime.now(UTC)
        for usage in USAGES:
            expected, ours = theirs(provider, model, usage, at), price.cost(provider, model, usage)
            count += 1
            if expected != ours:
                different.append((provider, model, usage, expected, ours))
    assert different == []
    assert count > 10_000


def test_a_model_without_a_price_costs_what_nobody_knows(fresh: None) -> None:
    assert price.cost("openai", "gpt-of-our-own", Usage(1000, 500)) is None
    assert price.cost("nobody", "gpt-4o", Usage(1000, 500)) is None
    assert price.cost("openai", None, Usage(1000, 500)) is None
    assert price.cost("openai", "gpt-4o", Usage()) is None


def test_the_service_tier_that_answered_is_what_costs(fresh: None) -> None:
    plain = price.cost("openai", "gpt-5", Usage(1_000_000, 0))
    assert plain == Decimal("1.25")
    for tier in ("flex", "priority", "default", "a tier of tomorrow"):
        asked = PricedUsage(input_tokens=1_000_000, output_tokens=0)
        context: Any = {"service_tier": tier}
        expected = calc_price(asked, "gpt-5", provider_id="openai", price_context=context).total_price
        assert price.cost("openai", "gpt-5", Usage(1_000_000, 0), tier) == expected


def test_a_teams_own_prices_come_first(fresh: None) -> None:
    prices = {
        "gpt-4o": {"input_mtok": 1, "output_mtok": "2.50"},
        "azure/gpt-4o": {"input_mtok": 7},
        "house-model": {"input_mtok": 3, "output_mtok": 6, "cache_read_mtok": 0.3},
    }
    with override_settings(LLMTRACE={"PRICES": prices}):
        assert price.cost("openai", "gpt-4o", Usage(1_000_000, 1_000_000)) == Decimal("3.5")
        assert price.cost("azure", "gpt-4o", Usage(1_000_000, 1_000_000)) == 7
        assert price.cost("openai", "house-model", Usage(1_000_000, 0, 500_000)) == Decimal("1.65")
        assert price.cost("openai", "gpt-4o-mini", Usage(1_000_000, 0)) == Decimal("0.15")
    assert price.cost("openai", "gpt-4o", Usage(1_000_000, 0)) == Decimal("2.5")
    assert price.cost("openai", "house-model", Usage(1_000_000, 0)) is None


def test_a_discount_is_taken_off_the_listed_price_or_the_one_beside_it(fresh: None) -> None:
    usage = Usage(300_000, 2000, 250_000, 1000, 500)
    listed = {model: price.cost("openai", model, usage, "flex") for model in ("gpt-5", "gpt-4o", "gpt-of-our-own")}
    prices = {
        "openai/*": {"discount": "0.2"},
        "gpt-4o": {"discount": 1},
        "house-model": {"input_mtok": 3, "output_mtok": 6, "discount": 0.5},
    }
    with override_settings(LLMTRACE={"PRICES": prices}):
        assert price.cost("openai", "gpt-5", usage, "flex") == (listed["gpt-5"] or 0) * Decimal("0.8")
        assert price.cost("openai", "gpt-4o", usage, "flex") == 0
        assert price.cost("openai", "gpt-of-our-own", usage) is None
        assert price.cost("openai", "house-model", Usage(1_000_000, 1_000_000)) == Decimal("4.5")
        assert price.cost("azure", "gpt-5", Usage(1_000_000, 0)) == Decimal("1.25")


@pytest.mark.parametrize(
    "wrong",
    [
        "a text",
        {"input_mtok": "much"},
        {"input": 3},
        [],
        5,
        {"input_mtok": None},
        {"input_mtok": -1},
        {"discount": 1.5},
    ],
)
def test_a_price_that_is_none_is_as_if_it_were_not_there(fresh: None, wrong: Any) -> None:
    with override_settings(LLMTRACE={"PRICES": {"gpt-4o": wrong}}):
        assert price.cost("openai", "gpt-4o", Usage(1_000_000, 0)) == Decimal("2.5")


def test_a_usage_that_contradicts_itself_costs_nothing_negative(fresh: None) -> None:
    for model in ("gpt-4o", "gpt-5", "o1"):
        cost = price.cost("openai", model, Usage(10, 5, 1000, 1000, 1000))
        assert cost is None or cost >= 0
