"""How numbers are written on the pages: durations, tokens, costs, sizes and shortened ids."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

GROUP: Final = "\u202f"  # a narrow space that does not break the line
NONE: Final = "–"
NANO: Final = 1e9
_DIGITS: Final = ((1_000_000_000, 1), (10_000_000, 4), (1_000_000, 3))  # nano-USD from which so many digits count
SECOND: Final = 1_000.0
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


def grouped(number: int) -> str:
    """`number` with its thousands apart: 5031 is ``5 031``."""
    return f"{number:,}".replace(",", GROUP)


def duration(ms: float | None) -> str:
    """A duration in ms with about three digits and its unit; empty when unknown."""
    if ms is None or not math.isfinite(ms):
        return ""
    ms = max(ms, 0.0)
    if ms < 999.5:
        return f"{ms:.0f} ms" if ms >= 0.95 or ms == 0 else f"{max(ms, 0.1):.1f} ms"
    if ms < 59_950:
        return f"{ms / SECOND:.2f} s" if ms < 9_995 else f"{ms / SECOND:.1f} s"
    if round(ms / SECOND) < 3_600:
        return _two_units(round(ms / SECOND), 60, "min", "s")
    if round(ms / MINUTE) < 24 * 60:
        return _two_units(round(ms / MINUTE), 60, "h", "min")
    return _two_units(round(ms / HOUR), 24, "d", "h")


def _two_units(small: int, in_one: int, large_unit: str, small_unit: str) -> str:
    return f"{grouped(small // in_one)} {large_unit} {small % in_one:02d} {small_unit}"


def tokens(sent: int | None, received: int | None) -> str:
    """Tokens in and out as ``2 104 → 311``; a side that is unknown is a dash, both unknown are empty."""
    if sent is None and received is None:
        return ""
    return " → ".join(NONE if side is None else grouped(side) for side in (sent, received))


def cost(nano_usd: int | None) -> str:
    """A cost in nano-USD as dollars and cents, of less as many digits as are worth comparing; empty when unknown."""
    if nano_usd is None:
        return ""
    digits = next((digits for least, digits in _DIGITS if abs(nano_usd) >= least), 2)
    power = math.floor(math.log10(abs(nano_usd) / NANO)) if nano_usd else 0
    return _dollars(nano_usd, max(2, digits - 1 - power))


def exact_cost(nano_usd: int | None) -> str:
    """A cost in nano-USD as dollars with every digit that is not 0; empty when unknown."""
    return "" if nano_usd is None else _dollars(nano_usd, 9)


def _dollars(nano_usd: int, decimals: int) -> str:
    rounded = Decimal(abs(nano_usd)).scaleb(-9).quantize(Decimal(1).scaleb(-min(9, decimals)), ROUND_HALF_UP)
    whole, _, fraction = f"{rounded:f}".partition(".")
    cents = fraction[:2] + fraction[2:].rstrip("0") if rounded else ""
    return f"{'−' if nano_usd < 0 else ''}${grouped(int(whole))}{'.' if cents else ''}{cents}"


def size(octets: int) -> str:
    """A number of bytes with its unit, in powers of 1,000."""
    if octets < 1_000:
        return f"{octets} bytes"
    value, unit = octets / 1_000, "kB"
    for larger in ("MB", "GB", "TB"):
        if value < 999.95:
            break
        value, unit = value / 1_000, larger
    return f"{value:.1f} {unit}"


def short_id(identifier: str) -> str:
    """The two ends of a long id, enough to tell it from its neighbours."""
    return identifier if len(identifier) <= 12 else f"{identifier[:4]}…{identifier[-4:]}"


def short_job(name: str) -> str:
    """A job's name without the modules that its task is in: ``publish shop.tasks.notify`` is ``publish notify``."""
    return " ".join(short_class(word) for word in name.split())


def short_class(error_type: str) -> str:
    """The last name of a dotted class path: ``openai.RateLimitError`` is ``RateLimitError``."""
    last = error_type.rsplit(".", 1)[-1]
    return last or error_type
