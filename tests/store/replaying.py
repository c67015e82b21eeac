"""Writes the same spans again and again: ``python -m tests.store.replaying ALIAS SETTINGS IDS TIMES``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import django
from django.db import connections

Ids = Sequence[Sequence[int]]


def replay(alias: str, ids: Ids, times: int) -> int:
    """Write spans with these ids `times` times, in an order that turns; give how many were said to have arrived."""
    from llmtrace.pipeline.outcome import RetryLater
    from tests.store.conftest import Store
    from tests.store.making import context, ended

    store, sent = Store(alias), 0
    for turn in range(times):
        spans = [ended(context_=context(*pair)) for pair in (*ids[turn * 7 :], *ids[: turn * 7])]
        while True:
            try:
                sent += store.write(*spans).sent
                break
            except RetryLater:  # a deadlock, or SQLite's lock: what the pipe would do
                continue
    store.connection.close()
    return sent


if __name__ == "__main__":
    django.setup()
    alias, settings, ids, times = sys.argv[1:]
    connections.settings[alias] = json.loads(settings)
    sys.stdout.write(str(replay(alias, json.loads(ids), int(times))))
