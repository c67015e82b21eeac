"""What a process leaves on disk, however it ends, another one sends."""

from __future__ import annotations

import fcntl
import os
import signal
import textwrap
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import pytest

from llmtrace.pipeline import ledgers
from llmtrace.pipeline.account import DIED
from tests.pipeline.processes import Neighbours
from tests.waiting import until

pytestmark = pytest.mark.slow

TAKEOVER_S = 10.0


@pytest.fixture
def site(tmp_path: Path) -> Neighbours:
    return Neighbours(tmp_path)


def read(process: Any) -> IO[str]:
    stream: IO[str] = process.stdout
    return stream


def test_of_spans_that_are_written_first_not_even_sigkill_loses_one(site: Neighbours) -> None:
    """They are sent by another process, which is there already and ends no span of its own."""
    burst = """
    import itertools, threading
    def work(thread):
        for number in itertools.count():
            span(f"{thread}.{number}")
            os.write(1, f"{thread}.{number}\\n".encode())
    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(3)]
    for thread in threads:
        thread.start()
    """
    with site.waiting(), site.running(burst, site.settings(durable=True, batch=50, delay=0.01)) as process:
        ended = [read(process).readline() for _ in range(1000)]
        process.send_signal(signal.SIGKILL)
        ended = [line.strip() for line in [*ended, *read(process)]]
        assert len(set(ended)) == len(ended) >= 1000
        until(lambda: set(ended) <= set(site.names()), "the other has sent what was left", TAKEOVER_S)
        until(lambda: not list(site.spool.glob("*.spool")), "and has cleared up")
    sent = Counter(site.names())
    assert len(sent) <= len(ended) + 3  # spans whose end had not returned
    assert sum(sent.values()) - len(sent) <= 50  # the batch that was under way may come twice


def test_what_was_sent_before_a_process_is_killed_is_not_sent_again(site: Neighbours) -> None:
    some = """
    for number in range(30):
        span(f"sent {number}")
    assert flush(10)
    for number in range(5):
        span(f"left {number}")
    """
    with site.running(some, site.settings(durable=True, delay=3600), stays=True) as process:
        assert read(process).readline() == "ready\n"
        assert len(site.names()) == 30
        process.send_signal(signal.SIGKILL)
        process.wait()
    with site.waiting():
        until(lambda: len(site.names()) == 35, "the rest is sent", TAKEOVER_S)
    assert site.names()[30:] == [f"left {number}" for number in range(5)]


KILLED = """
from llmtrace.pipeline.segment import Segment
settle = Segment.note
def settle_or_not(segment, batch):
    if {settles}:
        settle(segment, batch)
    os.kill(os.getpid(), signal.SIGKILL)
"""
LEAVES = """
[pipe] = fanout.pipes()
pipe.ledger.ended()  # of a call that has not returned
for number in range(3):
    span(f"left {number}")
"""


@pytest.mark.parametrize("settles", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("who", ["the one in which they ended", "the one that sends what it has left"])
def test_who_is_killed_as_it_settles_what_was_on_disk_hides_no_loss(site: Neighbours, who: str, settles: bool) -> None:
    """What is sent twice, or has left the disk, must not stand for a span that was lost in memory."""

    def count() -> tuple[int, int, int, Mapping[str, int]]:
        [numbers] = [each.account for each in ledgers.read(site.spool) if f"-{pids[0]}-" in each.process]
        return numbers.ended, numbers.sent, numbers.waiting, numbers.dropped

    killed = KILLED.format(settles=settles)
    patched = "Segment.note = settle_or_not\n"
    if who == "the one in which they ended":
        codes = [killed + LEAVES + patched + "flush(10)"]
    else:
        codes = [LEAVES + "os.kill(os.getpid(), signal.SIGKILL)", killed + patched + "fanout.pipes(); sys.stdin.read()"]
    pids = []
    for code in codes:
        with site.running(code, site.settings(durable=True, delay=3600, batch=2)) as process:
            pids.append(process.pid)
            assert process.wait() == -signal.SIGKILL
    assert count() == ((4, 2, 1, {DIED: 1}) if settles else (4, 0, 3, {DIED: 1}))
    with site.waiting():
        until(lambda: not list(site.spool.glob("*.spool")), "what was left is sent", TAKEOVER_S)
    assert len(site.names()) == (3 if settles else 5)
    assert count() == (4, 3, 0, {DIED: 1})


@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), signal.SIGTERM)", "sys.exit(3)"])
def test_a_process_whose_backend_was_away_all_the_time_leaves_its_spans_to_the_next(site: Neighbours, end: str) -> None:
    code = f"""
    for number in range(600):
        span(f"span {{number:03}}")
    {end}
    """
    with site.running(code, site.settings(away=True)) as process:
        process.wait(30)
    assert site.names() == []
    with site.waiting():
        until(lambda: len(site.names()) == 600, "the next has sent them", TAKEOVER_S)
    assert site.names() == [f"span {number:03}" for number in range(600)]


def test_a_living_process_keeps_what_it_has_and_a_child_that_outlives_it_does_not(site: Neighbours) -> None:
    code = """
    span("from the parent")
    assert flush(10)
    child = os.fork()
    if child == 0:
        assert account("file").ended == 0
        sys.stdin.read()
        os._exit(0)
    print(child, flush=True)
    sys.stdin.read()
    """
    with site.waiting() as other, site.running(code, site.settings(away=True)) as parent:
        child = int(read(parent).readline())
        held = until(lambda: list(site.spool.glob("*.spool")), "it is on disk")
        other.send_signal(signal.SIGTERM)
        other.wait(10)
        with site.waiting():  # looks at once, and finds the parent alive
            assert list(site.spool.glob("*.spool")) == held
            assert site.names() == []
            parent.send_signal(signal.SIGKILL)
            parent.wait()
            os.kill(child, 0)
            until(lambda: site.names() == ["from the parent"], "it is taken over", TAKEOVER_S)
            os.kill(child, signal.SIGKILL)


def test_a_process_that_is_stopped_while_it_writes_for_the_dead_costs_others_no_span(site: Neighbours) -> None:
    with site.running("span('from the dead')", site.settings(away=True)) as process:
        process.wait(30)
    code = """
    import time
    fanout.pipes()
    while not os.path.exists(exported):
        time.sleep(0.01)
    for number in range(10):
        span(f"span {number}")
    """
    with (site.spool / ".ledger-lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with site.running(f"exported = {str(site.exported)!r}\n{textwrap.dedent(code)}", site.settings()) as process:
            process.wait(30)
    with site.waiting():
        until(lambda: set(site.names()) >= {f"span {number}" for number in range(10)}, "all are sent", TAKEOVER_S)


def test_a_full_disk_leaves_spans_in_memory(site: Neighbours) -> None:
    """The limit of a file's size stands for the disk's: `write` fails in the same way, after a part of the data."""
    code = """
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
    for number in range(4):
        span(f"small {number}")
    assert flush(10)
    for number in range(20):
        span(f"more {number}", text="x" * 1000)
    assert not flush(0.5)
    numbers = account("file")
    assert (numbers.waiting, numbers.dropped) == (24, {}), numbers
    """
    with site.running(code, site.settings(away=True, batch=10), stays=True) as process:
        assert read(process).readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    with site.waiting():
        until(lambda: len(site.names()) == 4, "what has fitted is whole", TAKEOVER_S)
