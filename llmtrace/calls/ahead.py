"""What a first call would have to load, loaded before a worker forks, so that its children share it."""

from __future__ import annotations

from collections.abc import Callable

from llmtrace.conf import Problem, get_config
from llmtrace.masking import get_logger
from llmtrace.providers.registry import load_provider
from llmtrace.tracing import price

logger = get_logger("llmtrace.calls")


def load() -> None:
    """Import the SDKs of the providers in the settings, and load the price table. Never raises.

    No provider and no client is made: a connection must not go into a forked process. What can't be loaded the first
    call tells of.
    """
    for config in get_config().providers.values():
        found = load_provider(config)
        if not isinstance(found, Problem):
            _try(found.sdk)
    _try(price.load)


def _try(step: Callable[[], object]) -> None:
    try:
        step()
    except Exception:
        logger.debug("%s could not be loaded ahead of the first call.", step.__qualname__, exc_info=True)
