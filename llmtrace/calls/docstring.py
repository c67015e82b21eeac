"""What a function's docstring says of it and of its arguments, for the schema of a tool."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Final

SECTION: Final = re.compile(r"^(Args|Arguments|Parameters|Returns|Raises|Yields|Example|Examples|Note|Notes):\s*$")
ARGUMENT: Final = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")
REST_FIELD: Final = re.compile(r"^:\w[\w ]*:")
REST_ARGUMENT: Final = re.compile(r"^:param\s+(?:[\w\[\], |]+\s)?(\w+):\s*(.*)$")


def described(function: Callable[..., Any]) -> tuple[str | None, dict[str, str]]:
    """The description, and that of each argument, from a docstring in Google's or reStructuredText's form."""
    lines = (inspect.getdoc(function) or "").splitlines()
    told: list[str] = []
    arguments: dict[str, str] = {}
    section: str | None = None
    current: str | None = None
    for line in lines:
        head = SECTION.match(line)
        rest = REST_ARGUMENT.match(line.strip())
        if head is not None:
            section, current = head[1], None
        elif rest is not None:
            section, current = "Args", rest[1]
            arguments[current] = rest[2]
        elif REST_FIELD.match(line.strip()):
            section, current = "Returns", None
        elif section is None:
            told.append(line)
        elif section in ("Args", "Arguments", "Parameters"):
            current = _argument(line, arguments, current)
    return "\n".join(told).strip() or None, {name: text for name, text in arguments.items() if text}


def _argument(line: str, arguments: dict[str, str], current: str | None) -> str | None:
    """Take one line of the arguments' section: a new argument, or more about the one before."""
    found = ARGUMENT.match(line.strip())
    deeper = len(line) - len(line.lstrip()) > 4
    if found is not None and not (deeper and current):
        arguments[found[1]] = found[2]
        return found[1]
    if current is not None and line.strip():
        arguments[current] = f"{arguments[current]} {line.strip()}".strip()
    return current
