"""What ``OPTIONS`` of the project's own classes take: tests of their values, and the words that name them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from django.utils.module_loading import import_string

from llmtrace.conf.kinds import BOOL, COUNT, TEXT_OR_NONE, Kind, is_number


def mistake(options: Mapping[str, Any], kinds: Mapping[str, Kind]) -> str | None:
    """What is wrong with the values of these options, in words without a value; None if nothing is.

    Args:
        options: the options by name.
        kinds: what each takes; an option without a kind takes anything.
    """
    for name, value in options.items():
        if name in kinds and not kinds[name].test(value):
            return f'has a "{name}" that is not {kinds[name].words}'
    return None


def emptiness(options: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """That one of these options was given as an empty text, which cannot be meant; None if none was.

    Args:
        options: the options by name.
        names: those that cannot be empty.
    """
    for name in names:
        value = options.get(name)
        if isinstance(value, str) and not value.strip():
            return f'has an empty "{name}", perhaps from an environment variable that is not set'
    return None


def none_or(kind: Kind) -> Kind:
    """The same, where an option may be left out by None."""
    return Kind(f"{kind.words}, or None", lambda v: v is None or kind.test(v))


def several(words: str, test: Callable[[Any], bool]) -> Kind:
    """A collection of such values. A generator is none: it would be used up by the first who looks at it."""

    def all_are(value: Any) -> bool:
        kept = isinstance(value, Collection) and not isinstance(value, (str, bytes, Mapping))
        return kept and all(map(test, value))

    return Kind(words, all_are)


def _is_pattern(value: Any) -> bool:
    if isinstance(value, re.Pattern):
        return isinstance(value.pattern, str)
    return isinstance(value, str) and re.compile(value) is not None


def _is_function(value: Any) -> bool:
    if not isinstance(value, str):
        return callable(value)
    try:
        return callable(import_string(value))
    except Exception:  # the module itself may raise anything
        return False


def _by_text(value: Any, test: Callable[[Any], bool]) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) and test(each) for name, each in value.items())


def can_be_sent(key: str) -> bool:
    """Whether a key can stand in a header as it is. What HTTP clients raise where it cannot quotes it."""
    return key.isascii() and _is_header(key)


def _is_header(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and value == value.strip()


def _is_address(value: Any) -> bool:
    """Of a URL object of an HTTP client, which the SDKs take as well, it is enough that it has a host."""
    if not isinstance(value, str):
        return hasattr(value, "host")
    return not value.strip() or value.lower().startswith(("http://", "https://"))


def _is_timeout(value: Any) -> bool:
    """Of a timeout object of an HTTP client, which the SDKs take as well, it is enough that it has its parts."""
    return (is_number(value) and value > 0) or (hasattr(value, "connect") and hasattr(value, "read"))


SWITCH: Final = BOOL
LENGTH: Final = COUNT
NAME: Final = none_or(Kind("a text", lambda v: isinstance(v, str)))
KEY: Final = TEXT_OR_NONE
SECRET: Final = Kind(
    "a text that can be sent, so without a line break at its end, a function that gives one, or None",
    lambda v: v is None or callable(v) or (isinstance(v, str) and can_be_sent(v)),
)
NAMES: Final = several("a list of texts", lambda v: isinstance(v, str))
REGULAR_EXPRESSIONS: Final = several("a list of regular expressions", _is_pattern)
FUNCTION: Final = none_or(Kind("a function or the dotted path of one", _is_function))
ATTRIBUTES: Final = Kind("a dict with names of attributes", lambda v: _by_text(v, lambda each: each is not None))
HEADERS: Final = none_or(
    Kind("a dict of texts that can be sent, so without a line break at their end", lambda v: _by_text(v, _is_header))
)
ADDRESS: Final = none_or(Kind("an address that begins with http:// or https://", _is_address))
TIMEOUT: Final = none_or(Kind("a number of seconds above 0", _is_timeout))
RETRIES: Final = none_or(
    Kind("a whole number, 0 or more", lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= 0)
)
CLIENT: Final = none_or(
    Kind("a client or a list of clients", lambda v: not isinstance(v, (str, bytes, int, float, Mapping)))
)
PROVIDER: Final[Mapping[str, Kind]] = {
    "model": NAME,
    "api_key": SECRET,
    "base_url": ADDRESS,
    "timeout": TIMEOUT,
    "max_retries": RETRIES,
    "headers": HEADERS,
    "http_client": CLIENT,
}
"""What the options are that nearly all providers take."""
