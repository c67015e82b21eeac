"""Providers by the name that they have in ``LLMTRACE["PROVIDERS"]``, made on first use."""

from __future__ import annotations

import difflib
import inspect
import threading
from typing import Any, Final

from django.core.signals import setting_changed

from llmtrace.backends import load
from llmtrace.conf import ROOT, BackendConfig, Problem, get_config
from llmtrace.exceptions import ConfigurationError
from llmtrace.forking import at_fork, awaited_by_forks
from llmtrace.masking import get_logger, masked
from llmtrace.providers.base import Provider

logger = get_logger("llmtrace.providers")

KIND: Final = "a subclass of llmtrace.providers.base.Provider that has all its abstract methods"

_made: dict[str, Provider] = {}
_lock = threading.RLock()


def get_provider(name: str) -> Provider:
    """The provider of that name.

    Raises:
        ConfigurationError: there is none, or its entry is wrong.
        TypeError: it is no name.
    """
    return _made.get(name) or _make(name)


def _make(name: str) -> Provider:
    with _lock:
        if name in _made:  # by another thread, which had the lock before
            return _made[name]
        if not isinstance(name, str):
            kind = type(name).__name__
            raise TypeError(f'provider has to be the name of one in {ROOT}["PROVIDERS"], not a value of type {kind}.')
        configs = get_config().providers
        if name not in configs:
            whole, at = f'{ROOT}["PROVIDERS"]', masked(f'{ROOT}["PROVIDERS"]["{name}"]')
            for problem in get_config().problems:
                if problem.where == at or (problem.where == whole and problem.id == "llmtrace.E010"):
                    raise ConfigurationError(str(problem))
            close = difflib.get_close_matches(name, configs, 1)
            hint = f'Did you mean "{close[0]}"?' if close else f"There is {', '.join(sorted(configs)) or 'none'}."
            raise ConfigurationError(masked(f'{ROOT}["PROVIDERS"] has no "{name}". {hint}'))
        with awaited_by_forks():
            found = load_provider(configs[name])
            if isinstance(found, Problem):
                raise ConfigurationError(str(found))
            provider: Provider = found(**configs[name].options)
        _made[name] = provider
        return provider


def is_provider(found: Any) -> bool:
    """Whether `found` is a class of providers that objects can be made of."""
    return inspect.isclass(found) and issubclass(found, Provider) and not inspect.isabstract(found)


def load_provider(config: BackendConfig) -> Any | Problem:
    """The class of an entry of ``PROVIDERS``, or what is wrong with it."""
    return load(config, is_provider, KIND)


def _settings_changed(*, setting: str, **_: Any) -> None:
    if setting != ROOT:
        return
    while _made:
        name, provider = _made.popitem()
        try:
            provider.close()
        except Exception:
            logger.exception("The provider %s raised while it was closed.", name)


def _after_fork_in_child() -> None:
    """Begin without the parent's connections, and without a lock that another of its threads may have held."""
    global _lock
    _lock = threading.RLock()
    _made.clear()


at_fork(after_in_child=_after_fork_in_child)
setting_changed.connect(_settings_changed, dispatch_uid="llmtrace.providers")
