"""Who closes pipes waits for those that others close; see also `test_leaving`."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from llmtrace.conf import ExporterConfig
from llmtrace.pipeline.closing import Closer, Closing


class Quick:
    """A pipe that is closed at once."""

    patience = 60.0

    def __init__(self) -> None:
        self.config = ExporterConfig("tests.Quick", {}, "EXPORTERS[0]", name="quick")

    def close(self, deadline: float) -> None:
        """Nothing is left."""

    def shut_down(self, deadline: float) -> None:
        """Nothing hangs."""

    def abandon(self) -> None:
        """Nothing is there."""


@pytest.fixture
def closing() -> Closing:
    """One pipe to be closed within 30 s."""
    made = Closing()
    made.add([Quick()], time.monotonic() + 30)
    return made


def test_who_comes_second_waits_for_a_pipe_that_another_thread_is_about_to_close(
    closing: Closing, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, start = threading.Event(), threading.Event(), Closer.start

    def held_up(closer: Closer) -> None:
        begun.set()
        assert go_on.wait(10)
        start(closer)

    monkeypatch.setattr(Closer, "start", held_up)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(closing.finish)
        assert begun.wait(10)
        second = pool.submit(closing.finish)
        try:
            assert not wait([second], 0.2).done
        finally:
            go_on.set()
        assert [first.result(), second.result()] == [True, True]


def test_a_signal_where_no_thread_can_be_started_does_not_wait_for_what_it_has_interrupted(
    closing: Closing, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[bool] = []

    def refused(closer: Closer) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(Closer, "start", refused)
    monkeypatch.setattr(Quick, "close", lambda pipe, deadline: inside.append(closing.finish()))
    before = time.monotonic()
    assert closing.finish()
    assert inside == [False]
    assert time.monotonic() - before < 30
