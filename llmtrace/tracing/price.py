"""What an inference cost in USD: unit prices of genai-prices, looked up once for each provider, model and tier."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from django.core.signals import setting_changed

from llmtrace.conf import ROOT, get_config
from llmtrace.forking import awaited_by_forks
from llmtrace.types import Usage

MTOK: Final = Decimal(1_000_000)
FRESH_S: Final = 600.0  # prices may depend on the time of day and change under a running process
SPECIAL: Final = ("requests_kcount", "output_reasoning_mtok")  # these need more than the four counts

Rate = Callable[[Usage], Decimal | None]

_rates: dict[tuple[str, str, str | None], tuple[float, Rate]] = {}


def cost(provider: str, model: str | None, usage: Usage, tier: str | None = None) -> Decimal | None:
    """The cost of `usage` in USD, None when the model has no known price or the usage is not known.

    Args:
        provider: the provider's id in genai-prices.
        model: the model that answered.
        usage: tokens as the provider counted them.
        tier: the service tier that was used, where the provider has tiers.
    """
    if model is None or (usage.input_tokens is None and usage.output_tokens is None):
        return None
    key = (provider, model, tier)
    known = _rates.get(key)
    now = time.monotonic()
    if known is None or now - known[0] > FRESH_S:
        known = _rates[key] = (now, _own_rate(provider, model, tier) or _rate(provider, model, tier))
    return known[1](usage)


def load() -> None:
    """Load the price table, which takes a fifth of a second that the first call spends otherwise."""
    _table()


def _table() -> Any:
    with awaited_by_forks():
        from genai_prices import data_snapshot

        return data_snapshot.get_snapshot()


def _unknown(usage: Usage) -> None:
    return None


def _own_rate(provider: str, model: str, tier: str | None) -> Rate | None:
    """The rate of the ``PRICES`` setting for ``provider/model``, ``model`` or ``provider/*``.

    It is a dict of USD per million tokens, or of a share that is taken off the listed price, or of both.
    """
    prices = get_config().prices
    own = next((prices[key] for key in (f"{provider}/{model}", model, f"{provider}/*") if key in prices), None)
    if not own:
        return None
    named = {name: Decimal(str(value)) for name, value in own.items()}
    left = 1 - named.pop("discount", Decimal(0))
    return _scaled(_linear(named) if named else _rate(provider, model, tier), left)


def _scaled(rate: Rate, share: Decimal) -> Rate:
    """That share of a rate."""
    if share == 1:
        return rate

    def scaled(usage: Usage) -> Decimal | None:
        whole = rate(usage)
        return None if whole is None else whole * share

    return scaled


def _rate(provider: str, model: str, tier: str | None) -> Rate:
    try:
        _, info = _table().find_provider_model(model, None, provider, None)
    except LookupError:
        return _unknown
    context: Any = {"service_tier": tier} if tier else None
    prices = info.get_prices(datetime.now(UTC), context)
    named = {name: value for name, value in vars(prices).items() if value is not None}
    if any(name in named for name in SPECIAL):
        return _general(prices)
    return _stepped(named)


def _stepped(prices: Mapping[str, Any]) -> Rate:
    """A rate that depends on how many input tokens there are in all, for the models that have such tiers."""
    starts = sorted({tier.start for price in prices.values() for tier in getattr(price, "tiers", ())}, reverse=True)
    if not starts:
        return _linear(prices)
    steps = [(start, _linear({name: _price_above(price, start) for name, price in prices.items()})) for start in starts]
    base = _linear({name: getattr(price, "base", price) for name, price in prices.items()})

    def rate(usage: Usage) -> Decimal | None:
        total = usage.input_tokens or 0
        for start, above in steps:
            if total > start:
                return above(usage)
        return base(usage)

    return rate


def _price_above(price: Any, start: int) -> Decimal:
    reached: list[Decimal] = [tier.price for tier in getattr(price, "tiers", ()) if tier.start <= start]
    base: Decimal = getattr(price, "base", price)
    return reached[-1] if reached else base


def _linear(prices: Mapping[str, Any]) -> Rate:
    """A rate that only multiplies: what most models have, and a hundred times quicker than the general one."""
    zero = Decimal(0)
    per_input = prices.get("input_mtok", zero) / MTOK
    per_output = prices.get("output_mtok", zero) / MTOK
    per_cached = prices.get("cache_read_mtok", prices.get("input_mtok", zero)) / MTOK
    per_written = prices.get("cache_write_mtok", prices.get("input_mtok", zero)) / MTOK

    def rate(usage: Usage) -> Decimal:
        cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
        plain = max(0, (usage.input_tokens or 0) - cached - written)
        total: Decimal = plain * per_input + (usage.output_tokens or 0) * per_output
        if cached:
            total += cached * per_cached
        if written:
            total += written * per_written
        return total

    return rate


def _general(prices: Any) -> Rate:
    from genai_prices import Usage as PricedUsage

    def rate(usage: Usage) -> Decimal | None:
        try:
            priced = PricedUsage(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                output_reasoning_tokens=usage.reasoning_tokens,
                cache_read_tokens=usage.cached_tokens,
                cache_write_tokens=usage.cache_write_tokens,
            )
            total: Decimal = prices.calc_price(priced)["total_price"]
        except (ValueError, TypeError):  # a usage that contradicts itself has no price
            return None
        return total

    return rate


def _settings_changed(*, setting: str, **_: Any) -> None:
    if setting == ROOT:
        _rates.clear()


setting_changed.connect(_settings_changed, dispatch_uid="llmtrace.price")
