"""The receiver as a process of its own: its ports, what it writes down, and how it is told to behave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from llmtrace.exporters import OTLP
from llmtrace.exporters.answers import Busy
from tests.services import ROOT
from tests.store.making import ended
from tests.waiting import until


@pytest.mark.slow
def test_a_receiver_of_its_own_writes_what_it_takes_and_can_be_told_to_fail(tmp_path: Path) -> None:
    ports, lines = tmp_path / "ports.json", tmp_path / "spans.txt"
    command = [sys.executable, "-m", "tests.servers.otlp", "--port-file", str(ports), "--spans", str(lines)]
    receiver = subprocess.Popen(command, cwd=ROOT)
    try:
        until(ports.exists, "it listens", 30)
        port = json.loads(ports.read_text())
        http = OTLP(f"http://127.0.0.1:{port['http']}/v1/traces")
        grpc = OTLP(f"http://127.0.0.1:{port['grpc']}", protocol="grpc")
        spans = [ended(), ended()]
        http.export(spans[:1])
        grpc.export(spans[1:])
        contexts = [span.context for span in spans]
        wanted = [f"{each.trace_id:032x} {each.span_id:016x}" for each in contexts if each is not None]
        assert lines.read_text().splitlines() == wanted
        behaviour = json.dumps({"status": 503}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port['http']}/behaviour", behaviour) as answer:
            assert answer.status == 200
        with pytest.raises(Busy):
            http.export(spans)
        with urllib.request.urlopen(f"http://127.0.0.1:{port['http']}/") as answer:
            assert json.loads(answer.read()) == {"requests": 3, "spans": 2}
        http.shutdown()
        grpc.shutdown()
    finally:
        os.kill(receiver.pid, signal.SIGTERM)
        assert receiver.wait(20) == 0
