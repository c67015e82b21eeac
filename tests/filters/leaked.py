"""What is left of planted secrets, in whatever text: the measure of every test that says that none of them leaves."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from django.apps import apps
from pydantic_core import SchemaValidator, core_schema

from tests.filters.secrets import Planted, planted

_DIGITS = frozenset("0123456789abcdef")


def secrets_of(*samples: int) -> list[Planted]:
    """The secrets of these samples; of each kind there is one in each."""
    return [each for sample in samples for each in planted(sample)]


def leaked(text: str, *samples: int) -> set[str]:
    """The eight characters each that are left of secrets of these samples in `text`."""
    forms = shown(text)
    known, around, may_hold = _of_secrets(samples)
    if not any(map(may_hold, forms)):
        return set()
    lines = {line.strip() for form in forms for line in form.split("\n")}
    parts = {(part, line) for line in lines for part in known.intersection(_eighths(line))}
    return {part for part, line in parts if part not in around or any(each in line for each in around[part])}


def shown(text: str) -> set[str]:
    """`text` as it stands, and with what escapes of JSON, of pages and of URLs hide in it."""
    plain = text.encode(errors="replace").decode().replace("\\\\", "\\")
    return {plain, html.unescape(plain), unquote(plain)}


def files_in(folder: Path) -> str:
    """All that stands in the files below `folder`."""
    return "\n".join(file.read_bytes().decode(errors="replace") for file in sorted(folder.rglob("*")) if file.is_file())


def rows_in(alias: str) -> dict[str, str]:
    """All that stands in the tables of llmtrace, in every column, by table."""
    return {
        model._meta.db_table: "\n".join(
            json.dumps(value, ensure_ascii=False, default=str)
            for row in model._default_manager.using(alias).values()
            for value in row.values()
        )
        for model in apps.get_app_config("llmtrace").get_models()
    }


def _eighths(text: str) -> Iterator[str]:
    return (text[start : start + 8] for start in range(max(1, len(text) - 7)))


@cache
def _of_secrets(samples: tuple[int, ...]) -> tuple[frozenset[str], dict[str, set[str]], Callable[[str], bool]]:
    """All eight characters of a secret that are not what stands around another, and whether a text has some of them.

    Eight digits, of ten or of sixteen, stand in a time in nanoseconds or in an id by chance: in between there are the
    characters of the secret around them, twelve in all, one of which has to be there too.

    None has the end of a line in it. The last is there since it takes a hundredth of the time of a look by Python.
    """
    secrets = secrets_of(*samples)
    around = {part for each in secrets for line in each.text.split(each.secret) for part in _eighths(line)}
    lines = [line.strip() for each in secrets for line in each.secret.replace("\\n", "\n").split("\n")]
    known = frozenset(part for line in lines if not line.startswith("-----") for part in _eighths(line)) - around
    longer: dict[str, set[str]] = {part: set() for part in known if _DIGITS.issuperset(part)}
    for line in lines:
        for start, part in enumerate(_eighths(line)):
            if part in longer:
                begins = {max(0, min(at, len(line) - 12)) for at in range(start - 4, start + 1)}
                longer[part] |= {line[at : at + 12] for at in begins}
    pattern = "|".join(map(re.escape, sorted(known)))
    return known, longer, SchemaValidator(core_schema.str_schema(pattern=pattern)).isinstance_python
