"""What a parent tells of a child that was killed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.pipeline.opened import Opened
from llmtrace.pipeline.slate import Slate
from llmtrace.pipeline.slates import slates
from llmtrace.tracing.cut_off import CutOff
from llmtrace.tracing.setup import flush, get_tracer
from tests.interpreter import lines, run
from tests.pipeline.making import exporting

CODE = """
import os, signal, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads where there is a fork
import django
django.setup()
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace import set_span_in_context as inside
from llmtrace.tracing.cut_off import CutOff, watch_children
from llmtrace.tracing.setup import flush, get_tracer, save
from pathlib import Path
from tests.waiting import until

def began(name, above, kind=SpanKind.INTERNAL, scope="shop", **attributes):
    return get_tracer(scope).start_span(name, inside(above), kind, attributes)

watch_children()
parents, childs = os.pipe(), os.pipe()
pid = os.fork()
if not pid:
    {before}
    os.write(childs[1], b".")
    os.read(parents[0], 1)
    {child}
    os.write(childs[1], b".")
    signal.pause()
os.read(childs[0], 1)
cut_off = CutOff(pid)
os.write(parents[1], b".")
os.read(childs[0], 1)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
cut_off.end(LookupError("gone"), dict(state="LOST"))
CutOff(pid).end(LookupError("gone"), dict(state="LOST"))
assert flush(10)
print("left out:", cut_off.leaves_out("an id"))
"""

JOB = "job = began('job', NonRecordingSpan(SpanContext(7, 5, True, TraceFlags(1))), SpanKind.CONSUMER)"
BEFORE = (
    f"{JOB}; over = began('over', job); over.end(); flush(10); step = began('step', job); "
    "call = began('call', step, SpanKind.CLIENT, 'llmtrace', prompt='key sk-abcdefghijklmnopqrstuvwx')"
)

END = "[each.end() for each in (call, step, job)]"


def told(tmp_path: Path, child: str = "pass", *others: dict[str, Any], **entry: Any) -> dict[str, dict[str, Any]]:
    """The spans that were exported, each once; `child` is what the child does when it is told to end."""
    path = tmp_path / "exported"
    exporter = {"BACKEND": "llmtrace.exporters.JSONLines", "OPTIONS": {"path": str(path)}, **entry}
    run(
        CODE.replace("{before}", BEFORE).replace("{child}", child),
        {"EXPORTERS": [exporter, *others], "SPOOL": {"DIRECTORY": str(tmp_path / "spool")}},
    )
    found = {span["name"]: span for span in lines(path)}
    assert len(found) == len(lines(path))
    return found


INNER = (
    "inner = began('inner', call, scope='llmtrace', size=3); began('leaf', inner, scope='llmtrace').end(); flush(10); "
    "inner.set_attribute('result', 4); inner.set_status(StatusCode.ERROR); inner.end(inner.start_time + 3_000_000)"
)


def parents(spans: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The name of each span's parent; the sender's id for the job."""
    names = {span["span_id"]: name for name, span in spans.items()}
    return {name: names.get(span["parent_id"], span["parent_id"]) for name, span in spans.items()}


def test_what_a_killed_child_had_open_is_told_below_its_parents_and_past_the_filters(tmp_path: Path) -> None:
    spans = told(tmp_path)
    assert parents(spans) == {"job": "0000000000000005", "over": "job", "step": "job", "call": "step"}
    assert {span["trace_id"] for span in spans.values()} == {f"{7:032x}"}
    assert spans["call"]["attributes"] == {"prompt": "key [REDACTED]", "llmtrace.stream.outcome": "cancelled"}
    assert "attributes" not in spans["step"]
    assert spans["job"]["attributes"] == {"state": "LOST", "error.type": "LookupError"}
    assert (spans["job"]["status"], spans["job"]["status_description"]) == ("ERROR", "LookupError: gone")


def test_an_exporter_of_llm_work_gets_it_below_what_it_has(tmp_path: Path) -> None:
    spans = told(tmp_path, SPANS="llm")
    assert parents(spans) == {"job": "0000000000000005", "call": "job"}


def test_what_the_child_has_ended_and_saved_is_its_own_to_tell(tmp_path: Path) -> None:
    sent = f"until(lambda: '\"job\"' in Path({str(tmp_path / 'exported')!r}).read_text(), 'all is sent')"
    spans = told(tmp_path, f"{END}; save(); {sent}")
    assert parents(spans) == {"job": "0000000000000005", "over": "job", "step": "job", "call": "step"}
    assert spans["job"]["status"] == "UNSET"


def test_what_the_child_has_ended_and_not_saved_is_told_in_its_stead(tmp_path: Path) -> None:
    spans = told(tmp_path, END, QUEUE={"delay": 60.0})
    assert sorted(spans) == ["call", "job", "over", "step"]
    assert spans["job"]["attributes"]["state"] == "LOST"


def test_what_an_exporter_has_in_its_hands_is_not_saved(tmp_path: Path) -> None:
    """The child's exporter is stuck with the spans when the child is told to end."""
    held = f"open({str(tmp_path / 'exported')!r}, 'a')"
    stuck = f"import fcntl; held = {held}; fcntl.flock(held, fcntl.LOCK_EX)"
    spans = told(tmp_path, f"{stuck}; {END}; flush(0.5); save()")
    assert sorted(spans) == ["call", "job", "over", "step"]


def test_what_has_ended_and_is_not_exported_is_told_with_its_end_and_without_what_it_was_given_later(
    tmp_path: Path,
) -> None:
    spans = told(tmp_path, INNER, QUEUE={"delay": 60.0})
    assert parents(spans)["leaf"] == "inner"
    assert parents(spans)["inner"] == "call"
    inner = spans["inner"]
    assert inner["attributes"] == {"size": 3, "llmtrace.incomplete": True}
    assert (inner["status"], inner.get("status_description")) == ("ERROR", None)
    assert "llmtrace.incomplete" not in spans["leaf"].get("attributes", {})
    assert "llmtrace.incomplete" not in spans["call"]["attributes"]
    assert inner["duration_ms"] == 3.0


def test_an_exporter_of_llm_work_gets_what_has_ended_below_what_it_has(tmp_path: Path) -> None:
    spans = told(tmp_path, f"began('no', step).end(); {INNER}", SPANS="llm", QUEUE={"delay": 60.0})
    assert parents(spans) == {"job": "0000000000000005", "call": "job", "inner": "call", "leaf": "inner"}


def test_each_exporter_is_told_of_what_it_lacks(tmp_path: Path) -> None:
    quick, slow = tmp_path / "exported", tmp_path / "slow"
    other = {
        "NAME": "slow",
        "BACKEND": "llmtrace.exporters.JSONLines",
        "OPTIONS": {"path": str(slow)},
        "QUEUE": {"delay": 60.0},
    }
    arrived = f"until(lambda: '\"inner\"' in Path({str(quick)!r}).read_text(), 'one exporter has it')"
    spans = told(tmp_path, f"{INNER}; {arrived}", other)
    assert spans["inner"]["attributes"] == {"size": 3, "result": 4}
    (inner,) = (span for span in lines(slow) if span["name"] == "inner")
    assert inner["attributes"] == {"size": 3, "llmtrace.incomplete": True}
    assert sorted(span["name"] for span in lines(slow)) == sorted(spans)


@pytest.mark.parametrize(
    ("child", "left_out"), [("pass", False), (JOB, True), (f"{JOB}; step = began('step', job)", False)]
)
def test_a_run_that_begins_before_the_child_is_killed_is_not_forgotten_and_not_told_twice(
    tmp_path: Path, child: str, left_out: bool
) -> None:
    """The child was about to begin it when it was told to end. One without a span inside is for the caller to tell."""
    path = tmp_path / "exported"
    said = run(
        CODE.replace("{before}", "pass").replace("{child}", child),
        {"EXPORTERS": [{"BACKEND": "llmtrace.exporters.JSONLines", "OPTIONS": {"path": str(path)}}]},
    )
    assert f"left out: {left_out}" in said
    assert sorted(span["name"] for span in lines(path)) == (["job", "step"] if "step" in child else [])


def test_of_two_threads_that_hear_of_a_childs_end_one_tells_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    into: list[ReadableSpan] = []
    slate, read, go_on = Slate(), threading.Event(), threading.Event()
    with exporting({"BACKEND": "tests.pipeline.exporters.Kept", "OPTIONS": {"into": into}}):
        monkeypatch.setattr(slates, "own", slate)
        left_open = get_tracer("shop").start_span("open")
        monkeypatch.setattr(slates, "own", None)
        monkeypatch.setattr(slates, "of", lambda pid: slate)
        first, second = CutOff(7), CutOff(7)
        noted = slate.noted

        def held_up() -> list[Opened]:
            found = noted()
            read.set()
            assert go_on.wait(10)
            return found

        monkeypatch.setattr(slate, "noted", held_up)
        with ThreadPoolExecutor(2) as pool:
            ending = [pool.submit(first.end)]
            assert read.wait(10)
            ending.append(pool.submit(second.end))
            wait(ending, 0.2)
            go_on.set()
            assert [each.result() for each in ending] == [None, None]
        assert flush(10)
        assert [span.name for span in into] == ["open"]
        left_open.end()
