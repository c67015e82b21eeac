"""A child process sends over connections of its own, also where its parent has sent before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.otlp import Receiver
from tests.services import ROOT

PRELUDE = """
import os, sys, threading
import django
from django.conf import settings
exporter = {"BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": {"endpoint": sys.argv[1], "protocol": sys.argv[2]}}
settings.configure(LLMTRACE={"EXPORTERS": [exporter], "SPOOL": {"DIRECTORY": sys.argv[3]}})
django.setup()
from llmtrace import forking
from llmtrace.tracing.setup import flush, get_tracer
"""
BOTH_SEND = """
get_tracer().start_span("parent, before").end()
assert flush(10)
child = os.fork()
if child == 0:
    get_tracer().start_span("child").end()
    os._exit(0 if flush(10) else 1)
assert os.waitpid(child, 0)[1] == 0
get_tracer().start_span("parent, after").end()
assert flush(10)
"""
FIRST_BATCH = """
late = []
class Late:
    def find_spec(name, path, target=None):
        if threading.get_ident() not in forking._under_way:
            late.append(name)
sys.meta_path.insert(0, Late)
get_tracer().start_span("one").end()
assert flush(10)
assert not late, late
"""


def run(program: str, receiver: Receiver, protocol: str, folder: Path) -> None:
    endpoint = receiver.grpc_url if protocol == "grpc" else receiver.url
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PRELUDE + program, endpoint, protocol, str(folder)]
    ended = subprocess.run(command, cwd=ROOT, env=environment, timeout=50, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_parent_and_child_both_send(protocol: str, tmp_path: Path) -> None:
    with Receiver(grpc_port=0) as receiver:
        run(BOTH_SEND, receiver, protocol, tmp_path / "spool")
        assert receiver.names == ["parent, before", "child", "parent, after"]


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_fork_waits_for_all_that_a_first_batch_imports(protocol: str, tmp_path: Path) -> None:
    with Receiver(grpc_port=0) as receiver:
        run(FIRST_BATCH, receiver, protocol, tmp_path / "spool")
        assert receiver.names == ["one"]
