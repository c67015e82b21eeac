"""What each setting takes: a test of its value, and the words that name it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Final

from llmtrace.conf.shapes import Config

LONGEST_S: Final = 1e9  # what waits longer, clocks and locks cannot count
LONGEST_DAYS: Final = 36_500  # what is older, no calendar of a database may have


@dataclass(frozen=True)
class Kind:
    """What a scalar setting takes: a test and the words that name it."""

    words: str
    accepts: Callable[[Any], bool]

    def test(self, value: Any) -> bool:
        """Whether a value is of this kind."""
        try:
            return bool(self.accepts(value))
        except Exception:  # what classes of other people's raise; a number of too many digits to be written
            return False


def is_number(value: object) -> bool:
    """Whether it is a number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_amount(value: object) -> bool:
    return not isinstance(value, bool) and Decimal(str(value)).is_finite() and Decimal(str(value)) >= 0


def _is_price(value: Any) -> bool:
    if not isinstance(value, Mapping) or not value.keys() <= PRICED or not all(map(_is_amount, value.values())):
        return False
    return Decimal(str(value.get("discount", 0))) <= 1


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, os.PathLike)) and str(value) != "" and "\0" not in str(value)


TOKENS: Final = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
PRICED: Final = {*TOKENS, "discount"}
BOOL = Kind("True or False", lambda v: isinstance(v, bool))
TEXT = Kind("a text", lambda v: isinstance(v, str) and v != "")
FILE_OR_NONE = Kind("a path or None", lambda v: v is None or _is_path(v))
TEXT_OR_NONE = Kind("a text or None", lambda v: v is None or (isinstance(v, str) and v != ""))
PATH_OR_NONE = Kind("a dotted path or None", lambda v: v is None or (isinstance(v, str) and "." in v))
COUNT = Kind("a whole number above 0", lambda v: isinstance(v, int) and not isinstance(v, bool) and v > 0)
DAYS_OR_NONE = Kind(
    f"a whole number of days from 1 to {LONGEST_DAYS:,}, or None for ever",
    lambda v: v is None or (COUNT.test(v) and v <= LONGEST_DAYS),
)
SECONDS = Kind("a number of seconds, 0 or more", lambda v: is_number(v) and 0 <= v <= LONGEST_S)
SECONDS_OR_NONE = Kind("a number of seconds, or None", lambda v: v is None or SECONDS.test(v))
SHARE = Kind("a number from 0 to 1", lambda v: is_number(v) and 0 <= v <= 1)
TEXTS = Kind("a list of texts", lambda v: isinstance(v, (list, tuple)) and all(isinstance(i, str) for i in v))
PATTERNS = Kind("a list of regular expressions", lambda v: TEXTS.test(v) and all(map(re.compile, v)))
PRICE = Kind(
    f"a dict of USD per million tokens by {', '.join(TOKENS)}, or with a discount from 0 to 1", lambda v: _is_price(v)
)
BOOL_OR_OPTIONS = Kind("True, False or a dict of options", lambda v: isinstance(v, (bool, Mapping)))


def one_of(*choices: str) -> Kind:
    """One of these texts."""
    return Kind(" or ".join(f'"{c}"' for c in choices), lambda v: v in choices)


SCALARS: Final[Mapping[str, Kind]] = {
    "ENABLED": BOOL,
    "SERVICE_NAME": TEXT_OR_NONE,
    "TRACER_PROVIDER": PATH_OR_NONE,
    "TRUST_INCOMING": BOOL,
    "REDACT": BOOL_OR_OPTIONS,
    "CAPTURE_CONTENT": BOOL,
    "CAPTURE_MEDIA": BOOL,
    "MAX_CONTENT": COUNT,
    "EXPOSE_CONTENT": BOOL,
    "DATABASE": TEXT,
    "RETENTION_DAYS": DAYS_OR_NONE,
    "CONTENT_RETENTION_DAYS": DAYS_OR_NONE,
    "EXIT_TIMEOUT": SECONDS,
}
KEYS: Final = frozenset(f.name.upper() for f in fields(Config)) - {"PROBLEMS", "GIVEN"}
JOBS: Final = {"RELATION": one_of("parent", "link"), "LINK_AFTER": SECONDS_OR_NONE, "EXCLUDE": TEXTS}
SPOOL: Final = {"DIRECTORY": FILE_OR_NONE, "MAX_BYTES": COUNT}
QUEUE: Final = {
    "size": COUNT,
    "bytes": COUNT,
    "batch": COUNT,
    "delay": SECONDS,
    "spool": BOOL,
    "durable": BOOL,
}
ENTRY: Final = {
    "NAME": TEXT,
    "SPANS": one_of("all", "llm"),
    "SAMPLE": SHARE,
    "SEMCONV": one_of("latest", "dup"),
}
ENTRY_KEYS: Final = frozenset({"BACKEND", "OPTIONS", "FILTERS", "QUEUE", *ENTRY})
