"""A process that is killed in a burst: durable exporters lose nothing, the others count what they lose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.losses.counting import count
from tests.losses.host import EXPORTERS, PATIENCE_S, Host
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Record = Callable[[str, Any], None]


def killed_in_a_burst(host: Host) -> None:
    """The host's process, killed while it makes spans."""
    with host.running("program.log", "tests.losses.site.scripts", "goes_on") as process:
        until(lambda: len(host.ended) >= 200, "200 spans have ended", PATIENCE_S)
        process.kill()
        process.wait()


def test_with_durable_nothing_that_ended_is_lost(new_host: Callable[..., Host], record_property: Record) -> None:
    host = new_host(durable=True)
    killed_in_a_burst(host)
    host.program("follows")
    for exporter in EXPORTERS:
        cell = count(host, "SIGKILL in a burst, durable", exporter, record_property, unseen=1)
        assert host.ended <= host.arrived(exporter).keys()
        assert cell.dropped == cell.ended - cell.arrived <= 1  # one that had not ended yet for who called


def test_without_it_what_is_lost_is_counted(new_host: Callable[..., Host], record_property: Record) -> None:
    host = new_host(delay=3600, batch=150)
    killed_in_a_burst(host)
    host.program("follows")
    for exporter in EXPORTERS:
        cell = count(host, "SIGKILL in a burst", exporter, record_property, unseen=1)
        assert cell.dropped > 0
