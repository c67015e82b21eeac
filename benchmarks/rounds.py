"""Ways of doing a thing, measured side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def in_turns(names: Iterable[str], once: Callable[[str], T], rounds: int) -> dict[str, list[T]]:
    """What `once` measures of each of `names`, round by round, after one round that does not count.

    The order turns, so that none always follows the same one.
    """
    ways = list(names)
    took: dict[str, list[T]] = {name: [] for name in ways}
    for number in range(-1, rounds):
        for name in ways[number % len(ways) :] + ways[: number % len(ways)]:
            found = once(name)
            if number >= 0:
                took[name].append(found)
    return took
