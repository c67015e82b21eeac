"""Spans of a process that ends or forks: none is lost, none is sent twice."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from llmtrace.pipeline import ledgers
from tests.interpreter import lines, run


def to_file(path: Path, **more: Any) -> dict[str, Any]:
    """``LLMTRACE`` that writes spans to a file, an hour late if nobody asks for them before."""
    entry = {"BACKEND": "tests.pipeline.exporters.File", "OPTIONS": {"path": str(path)}, "QUEUE": {"delay": 3600}}
    return {"EXPORTERS": [entry], **more}


def names(path: Path) -> list[str]:
    return sorted(line["name"] for line in lines(path))


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "raise SystemExit(0)"])
def test_a_script_that_ends_leaves_no_span_behind(tmp_path: Path, ending: str) -> None:
    code = f"""
    import sys, django
    django.setup()
    from tests.pipeline.making import span
    for number in range(100):
        span(f"span {{number:02}}")
    {ending}
    """
    run(code, to_file(tmp_path / "spans"))
    assert names(tmp_path / "spans") == [f"span {number:02}" for number in range(100)]


def test_a_span_that_ends_when_all_was_closed_is_still_exported(tmp_path: Path) -> None:
    code = """
    import atexit, django
    from tests.pipeline.making import span
    atexit.register(lambda: span("from an exit handler of the host's"))
    django.setup()
    span("before")
    """
    run(code, to_file(tmp_path / "spans"))
    assert names(tmp_path / "spans") == ["before", "from an exit handler of the host's"]


def test_spans_that_end_when_all_was_closed_do_not_wait_for_an_exporter_that_hangs(tmp_path: Path) -> None:
    """They are on disk, and all of them together hold the end up no longer than it may take."""
    code = f"""
    import atexit, threading, time, django
    from pathlib import Path
    from llmtrace.pipeline import ledgers
    from tests.pipeline.exporters import File
    from tests.pipeline.making import span
    def late():
        began = time.monotonic()
        for number in range(5):
            span(f"late {{number}}")
        print(time.monotonic() - began)
        print([(entry.account.ended, entry.account.spooled) for entry in ledgers.read(Path({str(tmp_path)!r}))])
    atexit.register(late)
    django.setup()
    hanging = threading.Event()
    File.export = lambda *_: hanging.wait()
    span("one")
    """
    tmp_path.chmod(0o700)
    llmtrace = to_file(tmp_path / "spans", EXIT_TIMEOUT=1.0, SPOOL={"DIRECTORY": str(tmp_path)})
    took, counted = run(code, llmtrace).splitlines()
    assert float(took) < 3  # of 5 that wait for the time that one may take
    assert counted == "[(6, 6)]"


def test_a_process_ends_in_time_though_an_exporter_hangs(tmp_path: Path) -> None:
    code = """
    import threading, time, django
    settings.LLMTRACE["EXPORTERS"].append(
        {"BACKEND": "tests.pipeline.exporters.Hanging", "OPTIONS": {"gate": threading.Event()}}
    )
    django.setup()
    from llmtrace.pipeline.fanout import fanout
    assert len(fanout.pipes()) == 2
    from tests.pipeline.making import span
    span("one")
    """
    run(code, to_file(tmp_path / "spans", EXIT_TIMEOUT=0.3))
    assert names(tmp_path / "spans") == ["one"]


@pytest.mark.parametrize("interrupted", ["_before_exit", "_at_exit"])
def test_ctrl_c_twice_ends_a_process_at_once_and_keeps_what_the_exporter_was_busy_with(
    tmp_path: Path, interrupted: str
) -> None:
    code = f"""
    import os, signal, sys, threading, django
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have it ignored in what runs in the background
    django.setup()
    from llmtrace.pipeline.closing import Closer
    from tests.pipeline import exporters
    from tests.pipeline.making import span
    if {interrupted!r} == "_at_exit":
        threading._register_atexit = None  # as where Python has no such thing
    began, closing = threading.Event(), threading.Event()
    def export(self, spans):
        began.set()
        threading.Event().wait(60)
    exporters.File.export = export
    def press_again():
        closing.wait(30)
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=press_again, daemon=True).start()
    span("in its hands")
    assert began.wait(10)
    span("in the queue")
    wait = Closer.wait
    def noticed(self):
        closing.set()
        wait(self)
    Closer.wait = noticed
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        sys.exit(130)
    """
    settings = to_file(tmp_path / "spans", SPOOL={"DIRECTORY": str(tmp_path / "spool")}, EXIT_TIMEOUT=40)
    settings["EXPORTERS"][0]["QUEUE"] = {"delay": 0}
    before = time.monotonic()
    run(code, settings, status=130)
    assert time.monotonic() - before < 30
    [entry] = ledgers.read(tmp_path / "spool")
    assert (entry.account.ended, entry.account.waiting, entry.account.spooled) == (2, 2, 2)
    assert entry.account.dropped == {}


def test_a_forked_child_begins_with_an_empty_queue(tmp_path: Path) -> None:
    code = """
    import os, warnings, django
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads where there is a fork
    django.setup()
    from tests.pipeline.making import account, span
    from llmtrace.tracing.setup import flush, get_tracer
    around = get_tracer().start_span("begun by the parent")
    for number in range(10):
        span(f"parent {number}")
    child = os.fork()
    if child == 0:
        numbers = account("File")
        assert (numbers.ended, numbers.waiting) == (0, 0), numbers
        span("child")
        assert flush(10)
        assert account("File").sent == 1
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert account("File").waiting == 10
    span("after the fork")
    around.end()
    """
    run(code, to_file(tmp_path / "spans"))
    assert names(tmp_path / "spans") == [
        "after the fork",
        "begun by the parent",
        "child",
        *(f"parent {number}" for number in range(10)),
    ]


def test_a_child_can_be_forked_while_others_make_spans(tmp_path: Path) -> None:
    """Whatever lock is held at that moment is held for ever in the child."""
    code = """
    import os, threading, warnings, django
    warnings.simplefilter("ignore", DeprecationWarning)
    django.setup()
    from tests.pipeline.making import span
    from llmtrace.tracing.setup import flush
    stop = threading.Event()
    def make():
        while not stop.is_set():
            span("parent")
    threads = [threading.Thread(target=make) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(20):
        child = os.fork()
        if child == 0:
            span(f"child {number}")
            os._exit(0 if flush(10) else 1)
        assert os.waitpid(child, 0)[1] == 0, number
    stop.set()
    for thread in threads:
        thread.join()
    """
    settings = to_file(tmp_path / "spans", REDACT=False)
    settings["EXPORTERS"][0]["QUEUE"] = {"delay": 0.01, "size": 100}
    run(code, settings)
    children = [name for name in names(tmp_path / "spans") if name.startswith("child")]
    assert children == sorted(f"child {number}" for number in range(20))


def test_a_child_shares_no_connection_with_its_parent(tmp_path: Path) -> None:
    code = """
    import os, warnings, django
    warnings.simplefilter("ignore", DeprecationWarning)
    from tests.scripted import ask, providers
    from tests.servers.http import ScriptedServer
    from tests.servers.openai import answer
    with ScriptedServer() as server:
        settings.LLMTRACE["PROVIDERS"] = providers(server)
        django.setup()
        server.answers(answer(), answer(), answer())
        ask()
        child = os.fork()
        if child == 0:
            ask()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        ask()
        print(server.accepted)
    """
    assert run(code, to_file(tmp_path / "spans")).split() == ["2"]


FORKING_VIEW = """
import os, sys, threading, warnings, django
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads where there is a fork
django.setup()
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from llmtrace import LLM
from llmtrace.tracing.setup import flush
from tests.pipeline import exporters
from tests.pipeline.making import span
busy, go_on = threading.Event(), threading.Event()
export = exporters.File.export
def slow(self, spans):
    busy.set()
    go_on.wait(30)
    return export(self, spans)
exporters.File.export = slow
def view(request):
    child = os.fork()
    if child == 0:
        go_on.set()
        LLM("m").chat("from the child")
        ENDING
    status = os.waitpid(child, 0)[1]
    LLM("m").chat("from the parent")
    return HttpResponse(str(status))
settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("", view)]})
settings.ALLOWED_HOSTS = ["testserver"]
span("in its hands")
assert busy.wait(10)
span("in the queue")
answer = Client().get("/")
assert answer.content == b"0", answer.content
go_on.set()
assert flush(10)
"""


@pytest.mark.parametrize("ending", ["os._exit(0 if flush(10) else 1)", "sys.exit(0)"])
def test_a_child_that_is_forked_in_a_request_sends_what_it_does_itself(tmp_path: Path, ending: str) -> None:
    """Also while the exporter is busy with a batch of the parent's, whose locks are held for ever in the child."""
    settings = to_file(tmp_path / "spans", PROVIDERS={"default": {"BACKEND": "llmtrace.providers.Fake"}})
    settings["EXPORTERS"][0]["QUEUE"] = {"delay": 0}
    run(FORKING_VIEW.replace("ENDING", ending), settings)
    found = [line["name"] for line in lines(tmp_path / "spans")]
    own = ["chat m"] if "flush" in ending else ["chat m", "GET"]  # the request has then ended in both
    assert found[: len(own)] == own
    assert sorted(found[len(own) :]) == ["GET", "chat m", "in its hands", "in the queue"]


def test_a_fork_waits_for_what_a_thread_of_ours_imports(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\ntime.sleep(0.5)\nclass Board:\n    is_wanted = lambda self: False\n"
    )
    code = f"""
    import os, signal, sys, warnings, django
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads where there is a fork
    django.setup()
    from llmtrace.pipeline import reporter
    from tests.pipeline.making import span
    from tests.waiting import until
    sys.path.insert(0, {str(tmp_path)!r})
    reporter.BOARD, reporter.EVERY_S = "slow.Board", 0.01
    span("one")
    until(lambda: "slow" in sys.modules, "the reporter's thread imports it")
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        from slow import Board
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    """
    run(code, to_file(tmp_path / "spans"))


ASYNC_CLIENT = """
import asyncio
from llmtrace.providers import OpenAI
use = lambda: asyncio.run(OpenAI(api_key="sk-local").async_client())
"""


@pytest.mark.parametrize(
    ("module", "user"),
    [
        ("genai_prices", "from llmtrace.tracing.price import load as use"),
        ("openai", "from llmtrace.providers.openai import OpenAI; use = OpenAI.sdk"),
        ("anthropic", "from llmtrace.providers.anthropic import Anthropic; use = Anthropic.sdk"),
        ("httpcore2", "from llmtrace.providers import OpenAI; use = OpenAI(api_key='sk-local').client"),
        ("httpcore2", ASYNC_CLIENT),
        (
            "llmtrace.providers.openai",
            "from llmtrace.providers.registry import get_provider; use = lambda: get_provider('default')",
        ),
        ("llmtrace.exporters.jsonlines", "import llmtrace.exporters; use = lambda: llmtrace.exporters.JSONLines"),
        ("llmtrace.exporters.otlp_http", "from tests.pipeline.making import span; use = lambda: span('one')"),
    ],
)
def test_a_fork_waits_for_what_a_thread_imports_when_it_is_first_used(module: str, user: str) -> None:
    code = f"""
    import os, signal, sys, threading, time, warnings, django
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads where there is a fork
    django.setup()
    begun, forking = threading.Event(), threading.Event()
    os.register_at_fork(before=forking.set)
    class Slow:
        def find_spec(name, path, target=None):
            if name == {module!r} and not begun.is_set():
                begun.set()
                assert forking.wait(10)
                time.sleep(0.5)
    sys.meta_path.insert(0, Slow)
    assert {module!r} not in sys.modules
    exec({user!r})
    threading.Thread(target=use).start()
    assert begun.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        import {module}
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    """
    run(code, {"EXPORTERS": [{"BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": {"endpoint": "http://127.0.0.1:9/"}}]})


def test_what_a_client_asks_the_system_it_has_asked_when_it_is_made() -> None:
    code = """
    import platform, django
    django.setup()
    from llmtrace.providers import OpenAI
    assert "processor" not in vars(platform.uname())
    OpenAI(api_key="sk-local").client()
    assert "processor" in vars(platform.uname())
    """
    run(code, {})


def test_what_the_first_connection_imports_is_there_before_there_are_threads() -> None:
    run(
        """
    import sys, django
    django.setup()
    there = set(sys.modules)
    import socket
    socket.getaddrinfo("localhost", 80)
    assert set(sys.modules) == there, set(sys.modules) - there
    """,
        {},
    )


def test_a_program_that_ctrl_c_ends_says_so_to_its_shell(tmp_path: Path) -> None:
    code = """
    import os, signal, sys, django
    signal.signal(signal.SIGINT, signal.default_int_handler)
    django.setup()
    from llmtrace.pipeline import reporter
    from tests.pipeline.making import span
    from tests.waiting import until
    reporter.EVERY_S = 3600
    sys.excepthook = lambda *_: None
    span("one")
    until(lambda: hasattr(sys.modules.get("llmtrace.store.board"), "Board"), "what the end needs is imported")
    signal.raise_signal(signal.SIGINT)
    """
    run(code, to_file(tmp_path / "spans"), status=-signal.SIGINT)


@pytest.mark.parametrize("take", ["ledger.keep_on_disk()", "fanout._reporter._leader.leads(folder)"])
def test_a_child_keeps_no_lock_that_a_thread_of_its_parent_takes_as_it_is_forked(tmp_path: Path, take: str) -> None:
    code = f"""
    import fcntl, os, shutil, threading, warnings, django
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads where there is a fork
    django.setup()
    from llmtrace.pipeline import ledger
    from llmtrace.pipeline.fanout import fanout
    from llmtrace.pipeline.folder import spool_folder
    folder, flock = spool_folder(), fcntl.flock
    counted = ledger.Ledger("exporter")
    counted.ended()
    if {"ledger" in take}:
        shutil.rmtree(folder)
        folder.mkdir(0o700)
    locking, forked = threading.Event(), threading.Event()
    def slowly(descriptor, how):
        flock(descriptor, how)
        locking.set()
        forked.wait(1)  # where a fork waits for this thread, it cannot come before
    fcntl.flock = slowly
    thread = threading.Thread(target=lambda: {take})
    thread.start()
    assert locking.wait(10)
    child = os.fork()
    if child == 0:
        names = [os.path.realpath(f"/dev/fd/{{number}}") for number in os.listdir("/dev/fd")]
        os._exit(sum(name.startswith(os.path.realpath(folder)) for name in names))
    forked.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    """
    run(code, {**to_file(tmp_path / "spans"), "SPOOL": {"DIRECTORY": str(tmp_path / "spool")}})
