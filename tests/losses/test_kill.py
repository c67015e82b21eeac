"""A process that is killed in a burst: durable exporters lose nothing, the others count what they lose."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.losses.counting import Record, count
from tests.losses.host import PATIENCE_S, Host
from tests.losses.site.pages import BATCH
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def killed_in_a_burst(host: Host, program: str = "goes_on") -> None:
    """The host's process, killed while it makes spans."""
    with host.running("program.log", "tests.losses.site.scripts", program) as process:
        until(lambda: len(host.ended) >= 200, "200 spans have ended", PATIENCE_S)
        process.kill()
        process.wait()


def test_with_durable_nothing_that_ended_is_lost(new_host: Callable[..., Host], record_property: Record) -> None:
    host = new_host(durable=True)
    killed_in_a_burst(host)
    host.program("follows")
    for cell in count(host, "SIGKILL in a burst, durable", record_property, unseen=1):
        assert host.ended <= host.arrived(cell.exporter).keys()
        assert cell.dropped == cell.ended - cell.arrived <= 1  # one that had not ended yet for who called


def test_without_it_what_is_lost_is_counted(new_host: Callable[..., Host], record_property: Record) -> None:
    host = new_host(delay=3600, batch=BATCH)
    killed_in_a_burst(host, "goes_on_when_sent")  # else the kill may come between an arrival and the note of it
    host.program("follows")
    assert all(cell.dropped > 0 for cell in count(host, "SIGKILL in a burst", record_property, unseen=1))
