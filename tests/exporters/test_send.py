"""``manage.py llmtrace_send``: what it says of exporters that take the test span, and of those that do not."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from llmtrace.models import Span
from llmtrace.tracing.setup import flush
from tests.pipeline.making import account, entry, exporting, span
from tests.servers.otlp import SECRET as SERVERS_SECRET
from tests.servers.otlp import Receiver
from tests.services import ROOT

SECRET = "sk-in-the-options"


def otlp(name: str, endpoint: str, **options: Any) -> dict[str, Any]:
    given = {"endpoint": endpoint, "headers": {"authorization": SECRET}, **options}
    return {"NAME": name, "BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": given}


def sent(*entries: dict[str, Any], names: tuple[str, ...] = (), fails: bool = False, **settings: Any) -> list[Any]:
    """What the command prints as JSON."""
    out = StringIO()
    with exporting(*entries, **settings):
        if fails:
            with pytest.raises(CommandError):
                call_command("llmtrace_send", *names, "--json", stdout=out)
        else:
            call_command("llmtrace_send", *names, "--json", stdout=out)
    assert SECRET not in out.getvalue()
    assert SERVERS_SECRET not in out.getvalue()
    found: list[Any] = json.loads(out.getvalue())
    return found


def test_every_exporter_gets_the_span_and_each_outcome_is_told(
    receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    with Receiver(grpc_port=0) as forbidding, Receiver() as busy, Receiver() as hanging, Receiver() as picky:
        forbidding.behave(status=401)
        busy.behave(status=503)
        hanging.behave(how="hang")
        picky.behave(status=400)
        out = StringIO()
        entries = [
            otlp("http", receiver.url),
            otlp("grpc", receiver.grpc_url, protocol="grpc"),
            otlp("forbidding", forbidding.url),
            otlp("forbidding grpc", forbidding.grpc_url, protocol="grpc"),
            otlp("busy", busy.url),
            otlp("hanging", hanging.url, timeout=0.2),
            otlp("picky", picky.url),
            otlp("down", "http://127.0.0.1:1/v1/traces"),
            {"BACKEND": "llmtrace.exporters.Console"},
        ]
        with exporting(*entries), pytest.raises(CommandError, match="forbidding, forbidding grpc, busy, hanging"):
            call_command("llmtrace_send", stdout=out, no_color=True)
    first, *lines = out.getvalue().splitlines()
    told = {line[:15].strip(): line[17:28].strip() for line in lines}
    assert told == {
        "http": "accepted",
        "grpc": "accepted",
        "forbidding": "refused",
        "forbidding grpc": "refused",
        "busy": "refused",
        "hanging": "timed out",
        "picky": "refused",
        "down": "unreachable",
        "Console": "accepted",
    }
    assert "(HTTP 401): check the keys or headers in OPTIONS" in lines[2]
    assert "(gRPC UNAUTHENTICATED): check the keys" in lines[3]
    assert "(HTTP 503): spans wait and are offered again; where that lasts, its own log may say why" in lines[4]
    assert "refused by the backend (HTTP 400): its own log may say why" in lines[6]
    assert SECRET not in out.getvalue()
    (http, grpc) = receiver.spans
    assert http.trace_id.hex() == grpc.trace_id.hex() == first.rpartition(" ")[2]
    assert {each.key for each in http.attributes} >= {"llmtrace.test", "gen_ai.operation.name", "gen_ai.input.messages"}
    shown = capsys.readouterr()
    assert "llmtrace test" in shown.err
    assert shown.out == ""


def test_the_pipes_of_the_process_and_their_numbers_have_no_part_in_it(receiver: Receiver) -> None:
    kept: list[Any] = []
    with exporting(entry("Kept", into=kept), otlp("collector", receiver.url)):
        span("mine")
        assert flush(10)
        call_command("llmtrace_send", stdout=StringIO())
        assert flush(10)
        assert [account(name).ended for name in ("Kept", "collector")] == [1, 1]
    assert [each.name for each in kept] == ["mine", "llmtrace test"]
    assert sorted(receiver.names) == ["llmtrace test", "mine"]


def test_filters_are_part_of_the_way(receiver: Receiver) -> None:
    bare = [{"BACKEND": "llmtrace.filters.DropContent"}]
    leaving = [{"BACKEND": "llmtrace.filters.Exclude", "OPTIONS": {"names": ["llmtrace test"]}}]
    raising = [{"BACKEND": "tests.exporters.test_send.raising"}]
    unmade = [{"BACKEND": "tests.pipeline.exporters.Unmakeable"}]
    told = sent(
        {**otlp("bare", receiver.url), "FILTERS": bare},
        {**otlp("leaving", receiver.url), "FILTERS": leaving},
        {**otlp("raising", receiver.url), "FILTERS": raising},
        {**otlp("unmade", receiver.url), "FILTERS": unmade},
        fails=True,
    )
    assert [(each["exporter"], each["outcome"], each["ok"]) for each in told] == [
        ("bare", "accepted", True),
        ("leaving", "left out", True),
        ("raising", "failed", False),
        ("unmade", "failed", False),
    ]
    (arrived,) = receiver.spans
    assert "gen_ai.input.messages" not in {each.key for each in arrived.attributes}


def raising(span: Any) -> Any:
    """A filter."""
    raise ValueError(SECRET)


def test_without_content_the_span_has_none(receiver: Receiver) -> None:
    sent(otlp("collector", receiver.url), CAPTURE_CONTENT=False)
    assert "gen_ai.input.messages" not in {each.key for each in receiver.spans[0].attributes}


def test_mistakes_in_the_settings_are_told_and_hide_nothing_of_the_others(receiver: Receiver) -> None:
    told = sent(
        otlp("collector", receiver.url),
        otlp("misspelt", receiver.url, timeuot=SECRET),
        {"OPTIONS": {}},
        entry("Unmakeable"),
        fails=True,
    )
    outcomes = {each["exporter"]: (each["outcome"], each["detail"]) for each in told}
    assert outcomes["collector"] == ("accepted", "")
    assert outcomes["misspelt"][0] == "failed"
    assert 'LLMTRACE["EXPORTERS"][1]["OPTIONS"]' in outcomes["misspelt"][1]
    assert "has no BACKEND" in outcomes['LLMTRACE["EXPORTERS"][2]'][1]
    assert outcomes["Unmakeable"] == ("failed", "the exporter could not be made: OSError")


def test_a_mistake_that_a_person_can_mend_is_told_in_its_own_words() -> None:
    database = {"BACKEND": "llmtrace.exporters.Database"}
    (told,) = sent(database, fails=True, DATABASE="nowhere")
    assert told["outcome"] == "failed"
    assert 'LLMTRACE["DATABASE"] names "nowhere", which is no key of DATABASES' in told["detail"]


def test_where_nothing_is_recorded_it_says_so(receiver: Receiver) -> None:
    for enabled, told in ((True, ""), (False, 'LLMTRACE["ENABLED"] is not True')):
        out, err = StringIO(), StringIO()
        with exporting(otlp("collector", receiver.url), ENABLED=enabled):
            call_command("llmtrace_send", stdout=out, stderr=err)
        assert "accepted" in out.getvalue()
        assert err.getvalue().startswith(told)
        assert bool(err.getvalue()) is not enabled


def test_exporters_of_others_are_tried_as_they_are() -> None:
    gate, told = threading.Event(), list[tuple[str, str]]()
    from opentelemetry.sdk.trace.export import SpanExportResult

    out = StringIO()
    entries = [
        entry("Scripted", "failing", act=lambda spans: SpanExportResult.FAILURE),
        entry("Scripted", "raising", act=lambda spans: 1 / 0),
        entry("Scripted", "exiting", act=lambda spans: sys.exit(1)),
        entry("Clinging"),
        entry("Answering", "saying no", answers=[False]),
        entry("Answering", "saying nothing", answers=[None]),
        entry("Hanging", gate=gate),
        entry("Processor", told=told),
    ]
    with exporting(*entries), pytest.raises(CommandError):
        call_command("llmtrace_send", "--json", "--timeout", "1.5", stdout=out)
    gate.set()
    outcomes = {each["exporter"]: (each["outcome"], each["detail"]) for each in json.loads(out.getvalue())}
    assert outcomes["failing"][0] == "refused"
    assert outcomes["raising"] == ("failed", "ZeroDivisionError was raised")
    assert outcomes["exiting"] == ("failed", "SystemExit was raised")
    assert outcomes["Clinging"][0] == "accepted"
    assert outcomes["saying no"][0] == "refused"
    assert outcomes["saying nothing"] == ("accepted", "by an exporter that does not say whether it has arrived")
    assert outcomes["Hanging"] == ("timed out", "no answer within 1.5 s")
    assert outcomes["Processor"][0] == "accepted"
    assert ("end", "llmtrace test") in told


@pytest.mark.django_db(transaction=True)
def test_the_database_keeps_the_span() -> None:
    (told,) = sent({"BACKEND": "llmtrace.exporters.Database"})
    assert (told["outcome"], told["ok"]) == ("accepted", True)
    kept = Span.objects.get(trace_id=told["trace_id"])
    assert (kept.name, kept.model) == ("llmtrace test", "llmtrace-test")


def test_exporters_are_chosen_by_name(receiver: Receiver) -> None:
    entries = otlp("one", receiver.url), otlp("two", "http://127.0.0.1:1/")
    (told,) = sent(*entries, names=("one",))
    assert told["exporter"] == "one"
    with exporting(*entries), pytest.raises(CommandError, match='no "three", but one, two'):
        call_command("llmtrace_send", "three")
    with exporting(), pytest.raises(CommandError, match="is empty: spans go nowhere"):
        call_command("llmtrace_send")


@pytest.mark.slow
@pytest.mark.parametrize("seconds", ["inf", "nan", "0", "-1", "soon"])
def test_a_time_that_no_clock_can_count_is_refused(seconds: str) -> None:
    with pytest.raises(CommandError, match="is no number of seconds"):
        call_command("llmtrace_send", "--timeout", seconds)


def test_it_ends_with_1_when_a_span_did_not_arrive() -> None:
    program = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
entry = {"BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": {"endpoint": "http://127.0.0.1:1/v1/traces"}}
settings.configure(INSTALLED_APPS=["llmtrace"], LLMTRACE={"EXPORTERS": [entry]})
execute_from_command_line(["manage.py", "llmtrace_send", "--json"])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 1
    assert json.loads(done.stdout)[0]["outcome"] == "unreachable"
    assert "did not arrive at: OTLP" in done.stderr
