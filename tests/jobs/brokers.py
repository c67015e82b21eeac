"""The brokers that jobs are tested on. Each test run has names of its own there, and leaves nothing behind."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from kombu import Connection, Exchange, Queue

from tests.services import require_or_skip

BROKERS = ("filesystem", "redis", "rabbitmq")


@contextmanager
def new_broker(name: str, folder: Path) -> Iterator[dict[str, str]]:
    """Environment variables for `tests.jobs.site.settings`: a broker of this run alone, and a place for results."""
    queue = f"llmtrace-{uuid.uuid4().hex[:12]}"
    with {"filesystem": _filesystem, "redis": _redis, "rabbitmq": _rabbitmq}[name](queue, folder) as found:
        yield {"JOBS_QUEUE": queue, **found}


def _files(folder: Path) -> str:
    results = folder / "results"
    results.mkdir()
    return f"file://{results}"


@contextmanager
def _filesystem(queue: str, folder: Path) -> Iterator[dict[str, str]]:
    messages = folder / "messages"
    messages.mkdir()
    options = {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.05,
    }
    yield {
        "JOBS_BROKER": "filesystem://",
        "JOBS_TRANSPORT": json.dumps(options),
        "JOBS_RESULTS": _files(folder),
    }


@contextmanager
def _redis(queue: str, folder: Path) -> Iterator[dict[str, str]]:
    url = require_or_skip("redis")
    prefix = {"global_keyprefix": f"{queue}:"}
    yield {
        "JOBS_BROKER": url,
        "JOBS_TRANSPORT": json.dumps(prefix),
        "JOBS_RESULTS": url,
        "JOBS_RESULTS_TRANSPORT": json.dumps(prefix),
    }
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(match=f"{queue}:*", count=10_000):
            client.delete(key)


@contextmanager
def _rabbitmq(queue: str, folder: Path) -> Iterator[dict[str, str]]:
    url = require_or_skip("rabbitmq")
    yield {"JOBS_BROKER": url, "JOBS_TRANSPORT": "{}", "JOBS_RESULTS": _files(folder)}
    with Connection(url) as connection:
        Queue(queue, channel=connection.default_channel).delete()
        for exchange in (queue, f"{queue}.pidbox", f"reply.{queue}.pidbox"):
            Exchange(exchange, channel=connection.default_channel).delete()
