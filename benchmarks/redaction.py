"""What redaction costs, on texts of the kinds that models are asked and answer with.

Run it with ``python -m benchmarks.redaction``; ``--folder`` measures the text files of a folder as well. All ways read
the same texts in one process, round by round in turning order; a figure is the median of the rounds.

* *ns a character* is processor time of ``Redactor.text``, which is all that ``Redact`` does with a text.
* *× json* is the same as a ratio to rendering the texts as JSON, which every exporter does with them anyway.
* *× by hand* is the ratio to one expression of ten kinds of secrets, as people write it into a filter of their own.
* *read* is the part of the texts that the quick look does not let pass: they are read in full.
* *masked* is the part in which something was masked.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final

from benchmarks import answers
from benchmarks.rounds import in_turns
from llmtrace.filters.redactor import Redactor

ROOT: Final = Path(__file__).parent.parent
LONGEST: Final = 8_000  # characters of one text, about those of a long message
MOST: Final = 400_000  # characters of one kind

BY_HAND: Final = re.compile(
    r"sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[\w-]{35}"
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]+|Bearer\s+[\w.~+/-]+=*|://[^\s/:@]+:[^\s/@]+@"
    r"|-----BEGIN[A-Z ]*PRIVATE KEY-----[\s\S]*?-----END[A-Z ]*PRIVATE KEY-----"
    r"|(?:password|passwd|pwd|secret|token|api[_-]?key)[\"']?\s*[:=]\s*[\"']?[^\s\"',;]+",
    re.IGNORECASE,
)


def parts(text: str) -> Iterator[str]:
    """`text` as texts of at most `LONGEST` characters."""
    yield from (text[start : start + LONGEST] for start in range(0, len(text), LONGEST))


def files(folder: Path, *patterns: str) -> list[str]:
    """The text files in `folder`, as far as `MOST` characters."""
    found: list[str] = []
    for path in sorted(path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()):
        found += parts(path.read_text(errors="replace"))
        if sum(map(len, found)) > MOST:
            break
    return found


def chats() -> list[str]:
    """Questions and answers in plain words, short and long, with the numbers and signs that they have."""
    draw, said = Random(4), re.findall(r"[^.?!]+[.?!]", answers.PROMPT + answers.ANSWER)
    asked = (
        *said,
        "My order 4711 of 2025-11-03 hasn't arrived, can you look it up?",
        "Please e-mail the invoice for 3 books (EUR 59.90) to me.",
        "How do I reset my password? The page says that it has expired.",
        "Summarise the text below in 5 points: first what is new, then what it costs.",
        "It takes about 20,000 tokens; the limit of the model is 128,000.",
        "- Item 1: done\n- Item 2: open\n\n| Name | Price |\n|---|---|\n| Tea | 3.50 |\n",
    )
    return [" ".join(draw.choices(asked, k=draw.choice((1, 3, 20, 60)))) for _ in range(300)]


def payloads() -> list[str]:
    """Bodies and events of providers' answers, as JSON."""
    found = []
    for provider in answers.PROVIDERS.values():
        found += [json.dumps(each) for each in (provider.whole, *provider.events)]
    return found


def logs() -> list[str]:
    """Lines of a web server's log and stacks of exceptions."""
    draw, browser = Random(5), "Mozilla/5.0 (X11; Linux x86_64)"
    lines = [
        f"10.0.0.{draw.randrange(255)} - - [29/Nov/2026:10:{draw.randrange(60):02}:07 +0000] "
        f'"GET /books/{draw.randrange(9999)}/?page={draw.randrange(9)}&sort=title HTTP/1.1" '
        f'200 {draw.randrange(9999)} "-" "{browser}"'
        for _ in range(1500)
    ]
    try:
        json.loads('{"genre": ')
    except ValueError as error:
        stack = "".join(traceback.format_exception(error))
    return ["\n".join(lines[start : start + 50]) + "\n" + stack for start in range(0, len(lines), 50)]


def leaking() -> list[str]:
    """Chats into each of which someone has put a password or a key."""
    draw, letters = Random(6), "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"
    secrets = ("password: {}", "api_key={}", "Authorization: Bearer {}", "postgres://shop:{}@db/shop", "sk-proj-{}")
    return [
        text + " " + draw.choice(secrets).format("".join(draw.choices(letters, k=40))) + " " + text for text in chats()
    ]


def seconds(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """Processor time of all `texts` in turn."""
    began = time.process_time()
    for text in texts:
        work(text)
    return time.process_time() - began


def main() -> None:
    """Measure and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="a folder whose text files are measured as well")
    arguments = parser.parse_args()

    redactor = Redactor()
    ways: dict[str, Callable[[str], object]] = {
        "redact": redactor.text,
        "json": json.dumps,
        "by hand": lambda text: BY_HAND.sub("[REDACTED]", text),
    }
    kinds = {
        "chat": chats(),
        "JSON of providers": payloads(),
        "documentation": files(ROOT, "docs/*.md", "README.md"),
        "code": files(ROOT / "llmtrace", "*.py"),
        "logs and stacks": logs(),
        "chat with a secret each": leaking(),
    }
    if arguments.folder:
        kinds[arguments.folder.name] = files(arguments.folder, "*")
    print(f"{'':<26}{'texts':>7}{'KB':>7}{'ns a character':>16}{'× json':>9}{'× by hand':>11}{'read':>7}{'masked':>8}")
    for name, texts in kinds.items():
        took = in_turns(ways, lambda way: seconds(ways[way], texts), arguments.rounds)  # noqa: B023 - done in the turn
        size = sum(map(len, texts))
        of = {
            way: statistics.median(ours / other for ours, other in zip(took["redact"], took[way], strict=True))
            for way in ("json", "by hand")
        }
        read = sum(redactor.may_change(text.encode(errors="replace")) for text in texts) / len(texts)
        masked = sum(redactor.text(text) != text for text in texts) / len(texts)
        print(
            f"{name:<26}{len(texts):>7,}{size / 1000:>7,.0f}{statistics.median(took['redact']) / size * 1e9:>16.1f}"
            f"{of['json']:>9.1f}{of['by hand']:>11.2f}{read:>7.0%}{masked:>8.0%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
