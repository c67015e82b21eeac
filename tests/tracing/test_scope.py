"""What is open in a request or a job is told when that ends."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from llmtrace.tracing import scope as scopes
from llmtrace.tracing.scope import client_gone, current_scope, end_all, is_cancelled, on_end, scope


class Open:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_what_is_open_is_told_once_when_the_scope_ends() -> None:
    open_ = Open()
    with scope() as around:
        on_end(open_.close)
        assert open_.closed == 0
    around.end()
    assert open_.closed == 1
    assert current_scope.get() is None


def test_what_is_taken_back_is_not_told() -> None:
    open_ = Open()
    with scope():
        on_end(open_.close)()
    assert open_.closed == 0


def test_an_inner_scope_ends_what_was_opened_in_it_and_nothing_else() -> None:
    outer, inner = Open(), Open()
    with scope():
        on_end(outer.close)
        with scope():
            on_end(inner.close)
        assert (outer.closed, inner.closed) == (0, 1)
    assert outer.closed == 1


def test_being_registered_keeps_nobody_alive() -> None:
    open_ = Open()
    gone = weakref.ref(open_)
    with scope():
        on_end(open_.close)
        del open_
        gc.collect()
        assert gone() is None


def test_one_that_raises_keeps_none_of_the_others_from_being_told(caplog: pytest.LogCaptureFixture) -> None:
    open_ = Open()

    def broken() -> None:
        raise RuntimeError("no")

    with scope():
        on_end(open_.close)
        on_end(broken)
    assert open_.closed == 1
    assert "could not be closed" in caplog.text


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is open in the process."""
    monkeypatch.setattr(scopes, "_open", {})


@pytest.mark.usefixtures("process")
def test_outside_of_a_scope_and_after_its_end_all_is_told_when_the_process_ends() -> None:
    outside, late, taken_back = Open(), Open(), Open()
    on_end(outside.close)
    on_end(taken_back.close)()
    with scope() as around:
        around.end()
        on_end(late.close)
    assert (outside.closed, late.closed) == (0, 0)
    end_all()
    end_all()
    assert (outside.closed, late.closed, taken_back.closed) == (1, 1, 0)


@pytest.mark.usefixtures("process")
def test_the_end_of_the_process_is_told_in_scopes_too_and_not_to_what_has_ended_with_its_own() -> None:
    over, open_, taken_back = Open(), Open(), Open()
    with scope():
        on_end(over.close)
    with scope():
        on_end(open_.close)
        on_end(taken_back.close)()
        end_all()
        assert (over.closed, open_.closed, taken_back.closed) == (1, 1, 0)


async def test_a_task_that_was_told_to_stop_knows_it() -> None:
    known = []

    async def work() -> None:
        known.append(is_cancelled())
        try:
            await asyncio.Event().wait()
        finally:
            known.append(is_cancelled())

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert known == [False, True]
    assert not await asyncio.to_thread(is_cancelled)


def test_a_stream_can_ask_whether_the_client_has_gone() -> None:
    assert not client_gone()
    with scope() as around:
        assert not client_gone()
        around.client_gone = True
        assert client_gone()
