"""A host on SQLite keeps its transactions while the exporter is busy in a file of its own."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.services import ROOT


def test_no_deferred_transaction_of_the_host_fails_beside_a_busy_exporter() -> None:
    command = [sys.executable, "-m", "benchmarks.host_transactions", "--seconds=4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    transactions, spans = re.findall(r"host: (\d+) transactions, 0 failed|store: (\d+) of \2 spans", done.stdout)
    assert int(transactions[0]) > 20
    assert int(spans[1]) > 500
