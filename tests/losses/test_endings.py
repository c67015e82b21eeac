"""However a process ends, what it has ended has arrived when it has gone: nothing is lost, nothing is left behind."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Final

import pytest

from tests.losses.counting import Record, count
from tests.losses.host import Host

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Situation = Callable[[Host], object]

SITUATIONS: Final[dict[str, Situation]] = {
    "program, at its end": lambda host: host.program("exits"),
    "program, SIGTERM": lambda host: host.program("told", status=-signal.SIGTERM),
    "management command": lambda host: host.command("django", "burst", "60"),
    "gunicorn sync, SIGTERM": lambda host: host.serve("gunicorn", requests=12),
    "gunicorn gthread, SIGTERM": lambda host: host.serve("gunicorn", "--threads", "4", requests=12),
    "gunicorn --preload, SIGTERM": lambda host: host.serve("gunicorn", "--preload", "--workers", "2", requests=12),
    "gunicorn --max-requests": lambda host: host.serve("gunicorn", "--max-requests", "3", requests=12),
    "uvicorn, SIGTERM": lambda host: host.serve("uvicorn", requests=12),
    "Celery prefork, SIGTERM": lambda host: host.work("--pool", "prefork", "--concurrency", "2", jobs=20),
    "Celery prefork, a child for each job": lambda host: host.work(
        "--pool", "prefork", "--concurrency", "2", "--max-tasks-per-child", "1", jobs=8
    ),
    "Celery prefork, a child for ten jobs": lambda host: host.work(
        "--pool", "prefork", "--concurrency", "2", "--max-tasks-per-child", "10", jobs=30
    ),
    "Celery threads, SIGTERM": lambda host: host.work("--pool", "threads", "--concurrency", "4", jobs=20),
    "Celery gevent, SIGTERM": lambda host: host.work("--pool", "gevent", "--concurrency", "4", jobs=20),
    "Celery solo, SIGTERM": lambda host: host.work("--pool", "solo", jobs=20),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_all_that_ended_has_arrived(situation: str, new_host: Callable[..., Host], record_property: Record) -> None:
    host = new_host()
    SITUATIONS[situation](host)
    assert all(cell.whole for cell in count(host, situation, record_property))
