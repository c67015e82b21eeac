"""A bell wakes one thread, and can be rung from the middle of its own methods."""

from __future__ import annotations

import sys
import threading
import time
from types import FrameType
from typing import Any

from llmtrace.pipeline import bell as module
from llmtrace.pipeline.bell import Bell


def test_it_wakes_the_thread_that_waits() -> None:
    bell, woken = Bell(), list[bool]()
    waiting = threading.Thread(target=lambda: woken.append(bell.wait(10)))
    waiting.start()
    bell.set()
    waiting.join(10)
    assert woken == [True]


def test_who_comes_later_does_not_wait() -> None:
    bell = Bell()
    bell.set()
    assert bell.is_set()
    assert bell.wait()
    assert bell.wait(0)


def test_after_clear_the_next_one_waits_for_its_time() -> None:
    bell = Bell()
    for _ in range(3):
        bell.set()
        bell.clear()
    assert bell.wait(0)  # who waited would have heard it
    before = time.monotonic()
    assert not bell.wait(0.05)
    assert time.monotonic() - before >= 0.05
    assert not bell.is_set()


def test_who_waits_hears_it_although_it_is_cleared_at_once() -> None:
    bell, woken = Bell(), list[bool]()
    waiting = threading.Thread(target=lambda: woken.append(bell.wait(10)))
    waiting.start()
    bell.set()
    bell.clear()
    waiting.join(10)
    assert woken == [True]


def test_strokes_do_not_heap_up_under_a_thread_that_never_has_to_wait() -> None:
    bell = Bell()
    for _ in range(100):
        bell.set()
        assert bell.wait(1)
        bell.clear()
    assert bell._strokes.qsize() == 0


def test_it_can_be_rung_at_any_line_of_its_own_methods() -> None:
    """As a finalizer or a signal handler does, on the thread that is waiting or setting: `threading.Event` locks up."""
    lines = {"set": 0, "wait": 0, "clear": 0}
    bell, inside = Bell(), False

    def ring(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal inside
        if frame.f_code.co_filename != module.__file__ or inside:
            return None
        if event == "line":
            name = frame.f_code.co_name
            lines[name] = lines.get(name, 0) + 1
            inside = True
            bell.set()
            inside = False
        return ring

    def work() -> None:
        sys.settrace(ring)
        for _ in range(3):
            bell.clear()
            bell.wait(5)
            bell.set()

    working = threading.Thread(target=work)
    working.start()
    working.join(10)
    assert not working.is_alive()
    assert all(lines.values())
