"""A snapshot has JSON types only, is small, is taken quickly, and runs no code of what is passed."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import time
import uuid
from collections import OrderedDict
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.utils.functional import SimpleLazyObject, lazystr
from django.utils.safestring import SafeString
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtrace.tracing.snapshot import snapshot

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.uuids()
    | st.decimals(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers()), inner)
        | st.frozensets(st.integers())
    ),
)


def values_in(copied: Any) -> int:
    if isinstance(copied, dict):
        return 1 + sum(map(values_in, copied.values()))
    return 1 + sum(map(values_in, copied)) if isinstance(copied, list) else 1


@given(VALUES)
@settings(max_examples=50, deadline=None)
def test_it_is_json(value: Any) -> None:
    json.dumps(snapshot(value), allow_nan=False)


@given(
    st.recursive(st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=5), max_leaves=50)
)
def test_what_is_json_and_small_stays_as_it_is(value: Any) -> None:
    depth = 0
    inner = value
    while isinstance(inner, list) and inner:
        inner, depth = inner[0], depth + 1
    if depth < 8:
        assert snapshot(value) == value or "…" in str(snapshot(value))


def test_it_does_not_change_with_what_was_passed() -> None:
    rows = {"rows": [1, 2]}
    copied = snapshot(rows)
    rows["rows"].append(3)
    assert copied == {"rows": [1, 2]}


class Colour(enum.Enum):
    RED = "red"


class Loud(str):
    """A text whose author wants to be asked."""

    def __str__(self) -> str:
        raise RuntimeError("not today")


class Account:
    def __str__(self) -> str:
        raise RuntimeError("a query would have run")

    __repr__ = __str__


class Broken(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("a query would have run")


class Login(NamedTuple):
    user: str
    password: str


@pytest.mark.parametrize(
    ("value", "copied"),
    [
        (Colour.RED, "red"),
        (datetime.date(2026, 11, 22), "2026-11-22"),
        (decimal.Decimal("1.50"), "1.50"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (PurePosixPath("/a/b"), "/a/b"),
        (b"\xff\xfe", "<2 bytes>"),
        (SafeString("<b>"), "<b>"),
        (Loud("quiet"), "quiet"),
        (Account(), "<tests.tracing.test_snapshot.Account>"),
        ([Account()], ["<tests.tracing.test_snapshot.Account>"]),
        (Broken(a=1), {"a": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        ({b"one": 1, ("a", "b"): 2}, {"one": 1, "a, b": 2}),
        (Login("bob", "x"), {"user": "bob", "password": "x"}),
        ([Login("bob", "x")] * 2, [{"user": "bob", "password": "x"}] * 2),
        ({1: "one", None: "none", (1,): "pair"}, {"1": "one", "None": "none", "<builtins.tuple>": "pair"}),
    ],
)
def test_what_is_not_json_is_written_without_running_code_of_its_class(value: Any, copied: Any) -> None:
    assert snapshot(value) == copied


def test_what_is_lazy_stays_so() -> None:
    def resolve() -> Any:
        raise RuntimeError("a query would have run")

    assert snapshot(SimpleLazyObject(resolve)) == "<django.utils.functional.SimpleLazyObject>"
    assert snapshot({"users": [SimpleLazyObject(resolve)]})["users"] == ["<django.utils.functional.SimpleLazyObject>"]
    assert "proxy" in snapshot([lazystr(Account())])[0]
    assert snapshot(User.objects.all()) == "<django.db.models.query.QuerySet>"


def circle(width: int) -> list[Any]:
    inner: list[Any] = []
    inner.extend([inner] * width)
    return inner


@pytest.mark.parametrize(
    "value",
    [
        circle(1),
        circle(1000),
        [[0] * 1000 for _ in range(1000)],
        {str(number): {"text": "x" * 100} for number in range(100_000)},
        list(range(1_000_000)),
    ],
    ids=["circle", "wide circle", "table", "dict", "list"],
)
def test_it_is_bounded_and_says_what_it_leaves_out(value: Any) -> None:
    before = time.process_time()
    copied = snapshot(value)
    assert time.process_time() - before < 0.5
    assert values_in(copied) < 25_000
    assert "…" in json.dumps(copied, ensure_ascii=False)


def test_ten_megabytes_of_text_are_not_copied() -> None:
    text = "word" * 2_500_000
    assert snapshot({"text": text})["text"] is text
