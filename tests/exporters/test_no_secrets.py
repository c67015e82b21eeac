"""What backends, model servers and exporters of others answer and raise: no secret of it is kept, logged or shown."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import openai
import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoDbBlocker

from llmtrace import LLM
from llmtrace.pipeline.account import Account
from llmtrace.pipeline.outcome import Exported, RetryLater
from llmtrace.tracing.setup import flush
from tests.databases import new_database
from tests.filters.leaked import rows_in
from tests.pipeline.making import account, entry, exporting, span
from tests.scripted import providers
from tests.servers.http import Received, Script, ScriptedServer, whole
from tests.servers.openai import refusal
from tests.servers.otlp import SECRET as SERVERS_SECRET
from tests.servers.otlp import Receiver
from tests.waiting import until

KEY = "sk-proj-9aB8cD7eF6gH5iJ4kL3mN2oP1qR0"
WORD = "swordfish9x7"  # which has no form of its own
SECRETS = (KEY, WORD, SERVERS_SECRET)


class Echo(ScriptedServer):
    """Refuses each request, and repeats it."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__()

    def script_for(self, received: Received) -> Script:
        return whole(self.status, f"no: {received.path} {received.headers} {received.body!r}".encode())


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """All lines of llmtrace's loggers so far, as a handler writes them."""
    shown = io.StringIO()
    handler = logging.StreamHandler(shown)
    caplog.set_level(logging.DEBUG, "llmtrace")
    logging.getLogger("llmtrace").addHandler(handler)
    yield shown.getvalue
    logging.getLogger("llmtrace").removeHandler(handler)


def told(*names: str) -> str:
    """What there is to see of these exporters: their numbers, and what ``llmtrace_send`` says of them."""
    said, seen = io.StringIO(), []
    for name in names:
        numbers = until(partial(heard, name), f"{name} was answered")
        seen += [str(numbers.last_error), str(numbers.dropped)]
    for options in ([], ["--json"]):
        with pytest.raises(CommandError) as failed:
            call_command("llmtrace_send", *options, stdout=said, stderr=said, no_color=True)
        seen.append(str(failed.value))
    return "\n".join([*seen, said.getvalue()])


def heard(name: str) -> Account | None:
    """The numbers of an exporter, once there is a word on what became of its span."""
    numbers = account(name)
    return numbers if numbers.last_error or numbers.dropped else None


def left(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 503])
def test_a_backend_that_repeats_what_it_was_sent(
    status: int, log: Callable[[], str], capfd: pytest.CaptureFixture[str]
) -> None:
    with Echo(status) as server, Receiver(grpc_port=0) as receiver:
        receiver.behave(status=status)
        address = f"http://bob:{WORD}@127.0.0.1:{server.port}/v1/traces?api_key={KEY}"
        headers = {"authorization": f"Bearer {KEY}", "x-api-key": WORD}
        entries = [
            {
                "NAME": "http",
                "BACKEND": "llmtrace.exporters.OTLP",
                "OPTIONS": {"endpoint": address, "headers": headers},
            },
            {
                "NAME": "grpc",
                "BACKEND": "llmtrace.exporters.OTLP",
                "OPTIONS": {"endpoint": receiver.grpc_url, "protocol": "grpc", "headers": headers},
            },
        ]
        with exporting(*entries):
            span(f"work {KEY}", said=KEY)
            shown = told("http", "grpc")
        assert server.requests
    assert left(shown) == []
    assert left(log()) == []
    assert left("".join(capfd.readouterr())) == []


def test_a_backend_that_takes_a_part_and_says_why(log: Callable[[], str]) -> None:
    with Receiver(grpc_port=0) as receiver:
        receiver.behave(rejected=1)
        options = {"endpoint": receiver.url, "headers": {"authorization": KEY}}
        with exporting({"NAME": "http", "BACKEND": "llmtrace.exporters.OTLP", "OPTIONS": options}):
            span("work")
            shown = told("http")
    assert left(shown + log()) == []


def raising(error: Exception) -> Callable[[Any], Any]:
    def act(spans: Any) -> Any:
        raise error

    return act


@pytest.mark.parametrize(
    "act",
    [
        raising(RetryLater(f"no, with key {KEY}")),
        raising(ValueError(f"no, with key {KEY}")),
        raising(ConnectionError(f"https://bob:{WORD}@shop.example/?api_key={KEY}")),
        lambda spans: Exported(0, {f"refused for {KEY}": len(spans)}),
    ],
    ids=["tried again", "raised", "connection", "refused"],
)
def test_an_exporter_of_others_that_tells_a_secret(act: Callable[[Any], Any], log: Callable[[], str]) -> None:
    with exporting(entry("Scripted", act=act), SPOOL={"DIRECTORY": None}):
        span("work")
        shown = told("Scripted")
    assert left(shown + log()) == []
    assert "Scripted" in shown


def test_an_exporter_that_tells_a_secret_when_it_is_closed(
    log: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shutdown(self: Any) -> None:
        raise OSError(f"https://bob:{WORD}@shop.example/?api_key={KEY}")

    monkeypatch.setattr("tests.pipeline.exporters.Clinging.shutdown", shutdown)
    with exporting(entry("Clinging")):
        span("work")
        assert flush(10)
    assert "raised while it was closed" in log()
    assert left(log()) == []


@pytest.mark.parametrize("key", [KEY, WORD], ids=["of a form", "of none"])
def test_a_model_server_that_repeats_the_key(
    key: str, server: ScriptedServer, log: Callable[[], str], tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    answers = [
        refusal(500, f"internal: Authorization: Bearer {key}", retry_after_ms="1"),
        refusal(429, f"Too many requests with api_key={key}", retry_after_ms="1"),
        refusal(401, f"Incorrect API key provided: {key}. You can find your API key in the dashboard."),
    ]
    server.answers(*answers)
    kept: list[Any] = []
    with django_db_blocker.unblock(), new_database("sqlite", tmp_path) as alias:
        database = {"BACKEND": "llmtrace.exporters.Database", "OPTIONS": {"alias": alias}}
        with exporting(entry("Kept", into=kept), database, PROVIDERS=providers(server, max_retries=2, api_key=key)):
            with pytest.raises(openai.AuthenticationError):
                LLM("gpt-4o-mini").chat("Recommend a book")
            assert flush(10)
        rows = "\n".join(rows_in(alias).values())
    assert len(server.requests) == 3
    assert "[REDACTED]" in rows
    assert left("\n".join([*(each.to_json() for each in kept), rows, log()])) == []


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "evil\x1b[2J\rname"
    with exporting(entry("Scripted", name, act=raising(ValueError("no")))):
        with pytest.raises(CommandError) as failed:
            call_command("llmtrace_send", no_color=True)
        said = capsys.readouterr()
    shown = f"{said.out}{said.err}{failed.value}"
    assert "evil\\x1b[2J\\rname" in shown
    assert all(sign.isprintable() or sign == "\n" for sign in shown)
