"""Packages whose names are imported when they are first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from llmtrace.forking import awaited_by_forks


def lazily(package: str, homes: Mapping[str, str], *more: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package, see :pep:`562`.

    Args:
        package: its ``__name__``.
        homes: the module below `package` that has each of its names.
        more: names that the package has without importing anything.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with awaited_by_forks():
            module = import_module(f"{package}.{homes[name]}")
        value = getattr(module, name)
        setattr(import_module(package), name, value)
        return value

    return get, lambda: sorted([*homes, *more])
