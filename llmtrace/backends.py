"""From a dotted path and ``OPTIONS`` to a class and its arguments, without making anything of it yet."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from django.utils.module_loading import import_string

from llmtrace.conf import BackendConfig, Problem


def load(config: BackendConfig, is_kind: Callable[[Any], bool], kind: str) -> Any | Problem:
    """The class (or function) that `config` names, or what is wrong with it.

    Args:
        config: the entry of the settings.
        is_kind: tells whether an object is of the kind that the entry needs.
        kind: the words for that kind, with their article, such as "a span exporter".
    """
    found = find(config.backend, f'{config.where}["BACKEND"]', is_kind, kind)
    return found if isinstance(found, Problem) else misfit(config, found) or found


def find(path: str, where: str, is_kind: Callable[[Any], bool], kind: str) -> Any | Problem:
    """What the dotted path `path` names, or what is wrong with it; `where` is its place in the settings."""
    try:
        found = import_string(path)
    except Exception as error:
        hint = f"Check the spelling, and that the package is installed. ({type(error).__name__}: {error})"
        return Problem("llmtrace.E003", where, f'names "{path}", which can\'t be imported.', hint)
    if not is_kind(found):
        return Problem("llmtrace.E004", where, f'names "{path}", which is not {kind}.', f"Name {kind}.")
    return found


def misfit(config: BackendConfig, found: Callable[..., Any]) -> Problem | None:
    """The problem of ``OPTIONS`` that `found` does not take. Values are never in it: they may be secrets.

    A class gets the options alone, a function what it is called with as well.
    """
    called_with = () if inspect.isclass(found) else (None,)
    try:
        inspect.signature(found).bind(*called_with, **config.options)
    except TypeError as error:
        names = ", ".join(_options_of(found, len(called_with))) or "none"
        where = f'{config.where}["OPTIONS"]'
        return Problem("llmtrace.E005", where, f'does not fit "{config.backend}": {error}.', f"It takes: {names}.")
    except ValueError:  # a class in C without a signature
        return None
    return _mistake(config, found)


def _mistake(config: BackendConfig, found: Any) -> Problem | None:
    """What a class finds wrong with the values: it says so in ``check_options``, without making anything."""
    check = getattr(found, "check_options", None)
    if not inspect.isclass(found) or not callable(check):
        return None
    try:
        words = check(config.options)
    except Exception as error:  # a class of the project's own; its message may hold a value
        words = f"cannot be checked: {type(error).__qualname__} was raised"
    if words is None:
        return None
    return Problem("llmtrace.E005", f'{config.where}["OPTIONS"]', f"{words}.", f'See "{config.backend}" in the docs.')


def _options_of(found: Callable[..., Any], first: int) -> list[str]:
    """The names of the arguments that `found` takes, from the one at `first` on."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = [*inspect.signature(found).parameters.values()][first:]
    return [parameter.name for parameter in parameters if parameter.kind not in kinds]
