"""Child processes end with their parent, whatever ends it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from project.demo import children as module
from project.demo.children import Children, Late, Trouble
from project.demo.ports import free_port
from tests.services import ROOT

STAY = "import time; print('up', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {STAY}"
GRANDCHILD = (
    f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {DEAF!r}]);"
    " print('grandchild', child.pid, flush=True); child.wait()"
)

pytestmark = pytest.mark.slow


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_there(pid: int) -> bool:
    """Whether a process of that id runs; one that waits to be reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


def test_a_child_is_asked_to_stop_and_gone_after_the_block(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        child = children.start("one", python(STAY))
        children.wait("it is up", lambda: child.said("up"), 20)
        assert is_there(child.process.pid)
    assert child.process.returncode == -signal.SIGTERM
    assert not is_there(child.process.pid)


def test_what_does_not_stop_is_killed_with_all_its_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    with Children(tmp_path) as children:
        deaf = children.start("deaf", python(DEAF))
        parent = children.start("parent", python(GRANDCHILD))
        children.wait("both are up", lambda: deaf.said("up") and parent.said("up") and parent.said("grandchild"), 20)
        grandchild = int(parent.log.read_text().split("grandchild")[1].split()[0])
        assert is_there(grandchild)
    assert deaf.process.returncode == -signal.SIGKILL
    until(lambda: not is_there(grandchild))


def test_a_child_that_ends_by_itself_is_trouble_with_its_last_words(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        children.start("hasty", python("raise SystemExit('no more paper')"))
        with pytest.raises(Trouble, match=r"The hasty ended with status 1\.[\s\S]*no more paper"):
            children.wait("never", lambda: False, 20)


def test_a_condition_that_never_holds_is_late(tmp_path: Path) -> None:
    with Children(tmp_path) as children, pytest.raises(Late, match="the moon is blue"):
        children.wait("the moon is blue", lambda: False, 0.2)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_parent_ends_the_children_too(tmp_path: Path, ending: signal.Signals) -> None:
    code = (
        "from pathlib import Path; from project.demo.children import Children\n"
        f"with Children(Path({str(tmp_path)!r})) as children:\n"
        f"    child = children.start('one', [{sys.executable!r}, '-c', {STAY!r}])\n"
        "    print(child.process.pid, flush=True)\n"
        "    children.wait('never', lambda: False, 600)\n"
    )
    with subprocess.Popen(python(code), cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_there(pid)
        parent.send_signal(ending)
        assert parent.wait(20) == 128 + ending
    assert not is_there(pid)


def test_a_port_that_is_taken_is_not_given() -> None:
    taken = free_port(0)
    assert free_port(taken) == taken
    with socket.create_server(("127.0.0.1", taken)):
        other = free_port(taken)
    assert other not in (0, taken)
