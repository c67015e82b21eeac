"""`Hash`, the filter that puts a keyed hash in the place of who somebody is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.crypto import salted_hmac

from llmtrace import semconv
from llmtrace.conf.options import KEY, NAMES, mistake
from llmtrace.jsontext import as_json
from llmtrace.pipeline.ended import EndedSpan

SALT: Final = "llmtrace.filters.Hash"

KINDS: Final = {"names": NAMES, "key": KEY}


class Hash:
    """Replaces the values of attributes by a hash: the same person stays the same, and cannot be told from it.

    Args:
        names: the attributes.
        key: what the hash is keyed with; left out, the project's ``SECRET_KEY``. Give one where several projects are to
            have the same hashes, or where they are to outlast a change of ``SECRET_KEY``.

    Raises:
        ValueError: a text was given in place of a list of names.
    """

    def __init__(self, *, names: Iterable[str] = (semconv.USER_ID,), key: str | None = None) -> None:
        if isinstance(names, str):
            raise ValueError("names is a list of attributes, not one text.")
        self._names = tuple(names)
        self._key = key

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> str | None:
        """What is wrong with the values of these options, in words without a value; see `llmtrace.backends`."""
        return mistake(options, KINDS)

    def __call__(self, span: EndedSpan) -> EndedSpan:
        """`span`, or a copy of it with hashes in it."""
        before = span.attributes
        hashed = {name: self._hash(before[name]) for name in self._names if name in before}
        return span.edited(attributes={**before, **hashed}) if hashed else span

    def _hash(self, value: object) -> str:
        text = value if isinstance(value, str) else as_json(value)
        encoded = text.encode("utf-8", "backslashreplace")
        return salted_hmac(SALT, encoded, secret=self._key, algorithm="sha256").hexdigest()[:32]
