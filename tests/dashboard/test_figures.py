"""How numbers are written: short, with their unit, and nothing for what is unknown."""

import math
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.dashboard import figures


@pytest.mark.parametrize(
    ("ms", "written"),
    [
        (None, ""),
        (math.nan, ""),
        (math.inf, ""),
        (-3.0, "0 ms"),
        (0.0, "0 ms"),
        (0.04, "0.1 ms"),
        (0.38, "0.4 ms"),
        (7.2, "7 ms"),
        (999.4, "999 ms"),
        (999.6, "1.00 s"),
        (1260.0, "1.26 s"),
        (9_994.0, "9.99 s"),
        (9_996.0, "10.0 s"),
        (59_960.0, "1 min 00 s"),
        (125_000.0, "2 min 05 s"),
        (3_599_700.0, "1 h 00 min"),
        (3_720_000.0, "1 h 02 min"),
        (90_000_000.0, "1 d 01 h"),
    ],
)
def test_a_duration_has_about_three_digits_and_its_unit(ms: float | None, written: str) -> None:
    assert figures.duration(ms) == written


@given(st.floats(min_value=0, max_value=1e12))
def test_no_duration_is_written_with_more_of_a_unit_than_the_next_one_holds(ms: float) -> None:
    value, unit = re.match(r"([\d.\u202f]+) (ms|s|min|h|d)", figures.duration(ms)).groups()  # type: ignore[union-attr]
    limits = {"ms": 1000, "s": 60, "min": 60, "h": 24, "d": math.inf}
    assert float(value.replace("\u202f", "")) < limits[unit]


@given(st.floats(min_value=0, max_value=1e9), st.floats(min_value=0, max_value=1e9))
def test_a_longer_duration_is_never_written_as_a_shorter_one(one: float, other: float) -> None:
    units = {"ms": 1, "s": 1e3, "min": 6e4, "h": 3.6e6, "d": 8.64e7}

    def read(text: str) -> float:
        pairs = re.findall(r"([\d.\u202f]+) (\w+)", text)
        return sum(float(value.replace("\u202f", "")) * units[unit] for value, unit in pairs)

    shorter, longer = sorted((one, other))
    assert read(figures.duration(shorter)) <= read(figures.duration(longer)) + 1e-6


@pytest.mark.parametrize(
    ("sent", "received", "written"),
    [(None, None, ""), (2104, 311, "2\u202f104 → 311"), (311, None, "311 → –"), (None, 5, "– → 5"), (0, 0, "0 → 0")],
)
def test_tokens_stand_in_and_out_and_a_side_that_is_unknown_is_a_dash(
    sent: int | None, received: int | None, written: str
) -> None:
    assert figures.tokens(sent, received) == written


@pytest.mark.parametrize(
    ("nano_usd", "written"),
    [
        (None, ""),
        (0, "$0"),
        (1, "$0.000000001"),
        (42_750, "$0.000043"),
        (10_000, "$0.00001"),
        (210_000, "$0.00021"),
        (2_540_000, "$0.00254"),
        (10_980_000, "$0.01098"),
        (500_000_000, "$0.50"),
        (999_999_999, "$1.00"),
        (1_234_000_000, "$1.23"),
        (41_870_000_000, "$41.87"),
        (1_234_567_000_000_000, "$1\u202f234\u202f567.00"),
        (-2_540_000, "−$0.00254"),
    ],
)
def test_a_cost_has_cents_and_the_less_it_is_the_fewer_digits_that_count(nano_usd: int | None, written: str) -> None:
    assert figures.cost(nano_usd) == written


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_a_written_cost_is_close_to_the_cost_and_the_exact_one_is_it(nano_usd: int) -> None:
    written, exact = (read(nano_usd).replace("\u202f", "") for read in (figures.cost, figures.exact_cost))
    assert float(written.removeprefix("$")) == pytest.approx(nano_usd / 1e9, rel=0.05)
    assert Decimal(exact.removeprefix("$")) == Decimal(nano_usd).scaleb(-9)


@pytest.mark.parametrize(
    ("octets", "written"),
    [(0, "0 bytes"), (999, "999 bytes"), (24_100, "24.1 kB"), (999_960, "1.0 MB"), (3 * 10**15, "3000.0 TB")],
)
def test_a_size_has_its_unit(octets: int, written: str) -> None:
    assert figures.size(octets) == written


def test_the_ends_of_a_long_id_and_the_last_name_of_a_class_are_enough() -> None:
    assert figures.short_id("3f9a5d7e0c1b4a6f8e2d9c7b5a3fc1d2") == "3f9a…c1d2"
    assert figures.short_id("call_1") == "call_1"
    assert figures.short_class("openai.RateLimitError") == "RateLimitError"
    assert figures.short_class("_OTHER") == "_OTHER"
    assert figures.short_class("odd.") == "odd."
    assert figures.short_job("publish shop.tasks.notify_owner") == "publish notify_owner"
