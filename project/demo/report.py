"""Waiting for the traces, and telling what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from project.demo import check, table
from project.demo.children import Children, Late
from project.demo.stack import LOGIN
from project.demo.trace import Trace
from project.demo.visits import Made

Lacking = Mapping[str, list[str]]
"""Trace id to what is missing in it; complete traces are absent."""


def lacking(made: Iterable[Made]) -> Lacking:
    """What is missing in the store, by trace."""
    found = {each.trace_id: check.missing(Trace.read(each.trace_id), each.visit.rules) for each in made}
    return {trace_id: lacks for trace_id, lacks in found.items() if lacks}


def wait_until_complete(children: Children, made: Sequence[Made], seconds: float) -> Lacking:
    """What is still missing after that time; empty, and at once, when all traces are complete."""
    try:
        children.wait("all traces are complete", lambda: not lacking(made), seconds)
    except Late:
        return lacking(made)
    return {}


def show(site: str, made: Sequence[Made], lacks: Lacking) -> None:
    """Print every trace, then what is missing."""
    for each in made:
        print(f"\n{each.visit.title}  {site}{each.link}")
        for line in table.lines(Trace.read(each.trace_id)):
            print(f"  {line}")
    print()
    for each in made:
        for lack in lacks.get(each.trace_id, ()):
            print(f"Missing in “{each.visit.title}”: {lack}")
    count = len(made) - len(lacks)
    print(f"{count} of {len(made)} traces are complete.", flush=True)


def invite(site: str) -> None:
    """Print where to look."""
    name, password = LOGIN
    print(f"\nThe shop:  {site}/\nThe admin: {site}/admin/llmtrace/span/  (log in as {name} / {password})", flush=True)
