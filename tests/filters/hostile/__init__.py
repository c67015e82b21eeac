"""Texts with secrets as they occur in prompts, answers and the output of tools, and texts that only look so.

They were written without a look at the patterns. `masked.txt` has those of which nothing is left, `left.txt` those that
a reader knows and Redact does not, `harmless.txt` the others. A line ``%%`` stands between two texts, ``## `` before a
kind. What stands in ``⟦⟧`` is secret; ``:hex:32`` stands for 32 such digits, ``:pw`` for a password of a person's.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

HERE: Final = Path(__file__).parent
WORDS: Final = (
    "Sommer Winter Falke dragon Monkey Blue Tiger coffee Berlin Paris Garnet Velvet Otter Pepper Raven".split()
)
LETTERS: Final = string.ascii_letters + string.digits
CHARACTERS: Final = {
    "alnum": LETTERS,
    "hex": "0123456789abcdef",
    "upper": string.ascii_uppercase + "234567",
    "lower": string.ascii_lowercase + string.digits,
    "dig": string.digits,
    "b64": LETTERS + "+/",
    "b64u": LETTERS + "-_",
    "b32": string.ascii_uppercase + "234567",
}
_KINDS: Final = "|".join(sorted(CHARACTERS, reverse=True))
_GENERATED: Final = re.compile(rf":(?P<name>pwurl|pw|uuid|jwt|(?P<kind>{_KINDS}):(?P<length>[0-9]+))(?::(?=[^:]|\Z))?")


class Text(NamedTuple):
    """A text, and the secrets in it."""

    kind: str
    text: str
    secrets: tuple[str, ...]


def texts(file: str, sample: int) -> Iterator[Text]:
    """The texts of a file; what is generated in them differs from sample to sample."""
    kind = ""
    for block in re.split(r"(?m)^%%\n|(?=^## )", (HERE / file).read_text()):
        if block.startswith("## "):
            kind, _, block = block[3:].partition("\n")
        if block.strip():
            random = Random(f"{sample}|{block}")
            parts = [_filled(part, random) for part in re.split("[⟦⟧]", block.rstrip("\n"))]
            yield Text(kind, "".join(parts), tuple(parts[1::2]))


def remains(secret: str, text: str) -> bool:
    """Whether eight characters of a line of `secret` are left in `text`, or all where it has fewer."""
    lines = [line.strip() for line in secret.replace("\\n", "\n").split("\n") if not line.startswith("-----")]
    return any(line[at : at + 8] in text for line in lines if line for at in range(max(1, len(line) - 7)))


def _filled(text: str, random: Random) -> str:
    return _GENERATED.sub(lambda found: _generated(found, random), text)


def _generated(found: re.Match[str], random: Random) -> str:
    match found["name"]:
        case "uuid":
            return str(UUID(int=random.getrandbits(128), version=4))
        case "jwt":
            body, signature = _drawn(random, "b64u", 40), _drawn(random, "b64u", 43)
            return f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwi{body}.{signature}"
        case "pw" | "pwurl" as name:
            return password(random, "-_.~" if name == "pwurl" else "!$#%&*?@+-_=^")
    return _drawn(random, found["kind"], int(found["length"]))


def _drawn(random: Random, kind: str, length: int) -> str:
    return "".join(random.choices(CHARACTERS[kind], k=length))


def password(random: Random, signs: str) -> str:
    """A password as people and managers of passwords make them."""
    first, second, third = random.choices(WORDS, k=3)
    sign, number = random.choice(signs), random.randrange(10, 99)
    strange = first.replace("e", "3").replace("o", "0").replace("a", "4")
    return random.choice(
        [
            f"{first}{random.randrange(1950, 2030)}{sign}",
            f"{first.lower()}{sign}{second}{number}",
            f"{_drawn(random, 'alnum', 8)}{sign}{_drawn(random, 'alnum', 4)}x7",
            f"Tr0ub4dor{sign}{number}7",
            _drawn(random, "alnum", 14) + "x7",
            f"{strange}{second}{number}{sign}",
            f"{first}-{second}-{third}-{number}".lower(),
        ]
    )
