"""Pools other than prefork: the same traces, and nothing lost at the end."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec

import pytest

from llmtrace import semconv
from tests.jobs.bursts import assert_all_there, executed, wait_for
from tests.jobs.processes import Site
from tests.jobs.traces import states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.mark.parametrize("site", ["filesystem"], indirect=True)
@pytest.mark.parametrize("pool", ["threads", "solo", "gevent"])
def test_a_pool_loses_nothing_and_mixes_up_nothing(site: Site, pool: str) -> None:
    if pool == "gevent" and find_spec("gevent") is None:
        pytest.skip("gevent is not installed")
    before = executed(site, "burst-60")
    with site.worker("--pool", pool, "--concurrency", "4") as worker:
        visited = site.visit("retry", "chord", "nested", "burst-60")
        retry, chord, nested = (
            site.arrived(visited[page], runs) for page, runs in (("retry", 3), ("chord", 4), ("nested", 2))
        )
        wait_for(site, "burst-60", before + 60)
        worker.stop()
        assert "mistake of llmtrace" not in worker.log.read_text()
    trace = assert_all_there(site, visited["burst-60"], 60)
    assert set(Counter(span.parent_id for span in trace.spans if span.name == "work of tick").values()) == {1}
    assert states(retry.runs()) == ["RETRY", "RETRY", "SUCCESS"]
    assert len({run.parent_id for run in retry.runs()}) == 1
    assert nested.parent(nested.parent(nested.job("add")[1])) == nested.job("outer")[1]
    body = chord.job("total")[1]
    assert [run.attributes[semconv.JOB_CHORD_ID] for run in chord.runs("add")] == [
        body.attributes[semconv.MESSAGING_MESSAGE_ID]
    ] * 3
