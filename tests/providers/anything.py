"""Values like a model of them, in which anything may stand in the place of anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5) | st.just("\ud800")


def like(model: Any) -> st.SearchStrategy[Any]:
    """Such values. Keys may be left out, and are those of the model also where they do not belong."""
    return _like(model, anything(sorted(set(keys(model)))))


def anything(names: list[str]) -> st.SearchStrategy[Any]:
    """Any JSON value, with these names among the keys of its objects."""
    some = st.sampled_from(names) | st.text(max_size=3) if names else st.text(max_size=3)
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(some, inner, max_size=6),
        max_leaves=8,
    )


def _like(model: Any, other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    form: st.SearchStrategy[Any]
    if isinstance(model, dict):
        form = st.fixed_dictionaries({}, optional={key: _like(value, other) for key, value in model.items()})
    elif isinstance(model, list) and model:
        form = st.lists(st.one_of([_like(each, other) for each in model]), max_size=3)
    else:
        form = st.just(model)
    return form | st.none() | other


def keys(model: Any) -> Iterator[str]:
    """All keys of a value and of what is in it."""
    if isinstance(model, dict):
        yield from model
        model = list(model.values())
    if isinstance(model, list):
        for each in model:
            yield from keys(each)
