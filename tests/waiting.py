"""Waiting for what other threads do, without sleeping blindly."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest


def until(condition: Callable[[], Any], what: str | Callable[[], str], seconds: float = 10.0) -> Any:
    """What `condition` gives once that is true; the test fails when it isn't within `seconds`."""
    began, pause = time.monotonic(), 0.005
    asked = began
    while not (found := condition()):
        now = time.monotonic()
        if now > began + seconds:
            pytest.fail(f"not within {seconds} s: {what if isinstance(what, str) else what()}")
        time.sleep(max(pause, 2 * (now - asked)))  # who waits for long leaves the machine to what it waits for
        asked, pause = time.monotonic(), min(pause * 1.2, 0.05)
    return found
