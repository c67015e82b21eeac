"""What to say when a key or an optional SDK is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from llmtrace.conf.options import can_be_sent
from llmtrace.exceptions import ConfigurationError, MissingDependencyError
from llmtrace.forking import awaited_by_forks


def missing_key(title: str, variable: str) -> ConfigurationError:
    """What to raise when a provider has no key."""
    return ConfigurationError(
        f'No API key for {title}: set "api_key" in the OPTIONS of its entry in LLMTRACE["PROVIDERS"], '
        f"or the environment variable {variable}."
    )


def key_from(title: str, *variables: str) -> str | None:
    """The key in the first of these environment variables that has one.

    Raises:
        ConfigurationError: it cannot be sent.
    """
    for variable in variables:
        key = os.environ.get(variable)
        if key and not can_be_sent(key):
            raise ConfigurationError(
                f"The API key for {title} in the environment variable {variable} has a character that cannot be sent, "
                "such as a line break at its end."
            )
        if key:
            return key
    return None


def empty_key(title: str) -> ConfigurationError:
    """What to raise when a provider was given a key that is empty."""
    return ConfigurationError(
        f'The API key for {title} is empty: see "api_key" in the OPTIONS of its entry in LLMTRACE["PROVIDERS"], '
        "perhaps from an environment variable that is not set."
    )


@contextmanager
def needed(module: str, extra: str) -> Iterator[None]:
    """Import an optional SDK inside the block.

    Raises:
        MissingDependencyError: `module` is not installed; the message has the command that installs it.
    """
    try:
        with awaited_by_forks():
            yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in (module.partition(".")[0], "httpx2"):
            raise
        raise MissingDependencyError(
            f'This provider needs the package {module}: pip install "django-llmtrace[{extra}]"', name=error.name
        ) from None
