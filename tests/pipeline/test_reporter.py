"""What a real process shows of itself in the tables while it runs, when it ends, and when it is killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

from llmtrace.models import Ledger, RunningSpan
from llmtrace.pipeline import ledgers
from llmtrace.pipeline.account import DIED
from llmtrace.store import health
from llmtrace.store.running import IS_LOST, running
from tests.databases import server_settings
from tests.interpreter import run

pytestmark = pytest.mark.slow

PRELUDE = """
import os, signal, sys, time, warnings
import django
settings.DATABASES = {{"default": {database!r}}}
settings.USE_TZ = True
django.setup()
from llmtrace.pipeline import reporter
from llmtrace.pipeline import running as open_spans
from opentelemetry.trace import SpanKind
reporter.EVERY_S, open_spans.LONG_S = {every}, 0.1
from llmtrace.models import Ledger, RunningSpan
from llmtrace.pipeline.process import process_id
from llmtrace.tracing.setup import flush, get_tracer
from tests.pipeline.making import span
from tests.waiting import until
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "spool"
    made.mkdir(0o700)
    return made


@pytest.fixture
def alias(fresh_database: str, folder: Path) -> Iterator[str]:
    """The database that processes of the test write."""
    with override_settings(LLMTRACE=site(folder, fresh_database)):
        yield fresh_database


def site(folder: Path, alias: str = "default") -> dict[str, Any]:
    """``LLMTRACE`` of a process whose second exporter sends nothing by itself."""
    later = {"path": str(folder.parent / "spans")}
    return {
        "DATABASE": alias,
        "EXPORTERS": [
            {"BACKEND": "llmtrace.exporters.Database", "SPANS": "all", "QUEUE": {"delay": 0.01}},
            {
                "NAME": "later",
                "BACKEND": "tests.pipeline.exporters.File",
                "OPTIONS": later,
                "QUEUE": {"delay": 3600, "spool": False},
            },
        ],
        "SPOOL": {"DIRECTORY": str(folder)},
    }


def process(code: str, folder: Path, alias: str, *, every: float = 0.05, status: int = 0, **more: Any) -> str:
    """What a process of the site prints, on the database `alias`.

    Args:
        code: what it does.
        folder: of the spool.
        alias: of this process for its database.
        every: seconds from one report to the next.
        status: what it has to exit with.
        **more: of ``LLMTRACE``.
    """
    own = connections.settings[alias]
    engine = {"postgresql": "postgres", "mysql": "mariadb"}.get(connections[alias].vendor)
    database = server_settings(engine, own["NAME"]) if engine else {key: own[key] for key in ("ENGINE", "NAME")}
    return run(PRELUDE.format(database=database, every=every) + dedent(code), {**site(folder), **more}, status=status)


def test_a_process_that_is_killed_leaves_its_numbers_and_its_lost_spans(alias: str, folder: Path) -> None:
    process(
        """
    for number in range(3):
        span("done")
    call = get_tracer().start_span("ask", kind=SpanKind.CLIENT, attributes={"gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini", "user.id": "42", "password": "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12Mn34"})
    until(lambda: RunningSpan.objects.count() == 1 and Ledger.objects.count() == 2, "rows")
    until(lambda: Ledger.objects.get(exporter="Database").sent == 3, "the number of what was sent")
    os.kill(os.getpid(), signal.SIGKILL)
    """,
        folder,
        alias,
        status=-signal.SIGKILL,
    )
    row = Ledger.objects.using(alias).get(exporter="later")
    assert (row.ended, row.sent, row.waiting, row.alive) == (3, 0, 3, True)
    entries = {entry.exporter: entry for entry in health.read().entries}
    assert not entries["later"].alive
    assert entries["later"].account.dropped == {DIED: 3}
    assert (entries["Database"].account.sent, entries["Database"].account.waiting) == (3, 0)
    [span] = running()
    assert (span.outcome, span.name, span.model, span.user_id) == (IS_LOST, "ask", "gpt-4o-mini", "42")

    process(
        "span('of another')\nuntil(lambda: not Ledger.objects.filter(exporter='later').earliest('id').alive, 'death')",
        folder,
        alias,
    )
    row = Ledger.objects.using(alias).filter(exporter="later").earliest("id")
    assert (row.waiting, row.dropped, row.alive) == (0, {DIED: 3}, False)


@pytest.mark.parametrize("fresh_database", ["sqlite"], indirect=True)
def test_an_orderly_end_leaves_the_last_numbers(alias: str, folder: Path) -> None:
    process("span('one')\nspan('two')", folder, alias, every=3600)
    assert dict(Ledger.objects.using(alias).values_list("exporter", "sent")) == {"Database": 2, "later": 2}


@pytest.mark.parametrize("fresh_database", ["sqlite"], indirect=True)
def test_a_span_that_has_ended_is_shown_as_running_no_more(alias: str, folder: Path) -> None:
    process(
        """
    call = get_tracer().start_span("ask", kind=SpanKind.CLIENT)
    until(lambda: RunningSpan.objects.count() == 1, "the row of the open span")
    call.end()
    until(lambda: RunningSpan.objects.count() == 0, "no row")
    get_tracer().start_span("never ended")
    until(lambda: RunningSpan.objects.count() == 1, "the row of the second one")
    """,
        folder,
        alias,
    )
    assert RunningSpan.objects.using(alias).get().name == "never ended"


@pytest.mark.parametrize("fresh_database", ["sqlite"], indirect=True)
def test_what_filters_hide_is_hidden_while_a_span_runs(alias: str, folder: Path) -> None:
    process(
        """
    get_tracer().start_span("secret affairs", kind=SpanKind.CLIENT)
    get_tracer().start_span("ask sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12Mn34", kind=SpanKind.CLIENT,
        attributes={"user.id": "42"})
    until(lambda: RunningSpan.objects.count() == 1, "the row of the open span")
    """,
        folder,
        alias,
        FILTERS=[
            {"BACKEND": "llmtrace.filters.Hash"},
            {"BACKEND": "llmtrace.filters.Exclude", "OPTIONS": {"names": ["secret*"]}},
        ],
    )
    row = RunningSpan.objects.using(alias).get()
    assert row.user_id not in (None, "42")
    assert "sk-proj" not in row.name


@pytest.mark.parametrize("fresh_database", ["sqlite"], indirect=True)
def test_one_process_writes_for_all_and_each_child_its_own_open_spans(alias: str, folder: Path) -> None:
    out = process(
        """
    warnings.simplefilter("ignore", DeprecationWarning)
    span("of the parent")
    until(lambda: Ledger.objects.count() == 2, "rows of the parent")
    django.db.connections.close_all()
    child = os.fork()
    if child == 0:
        span("of the child")
        get_tracer().start_span("open in the child", kind=SpanKind.CLIENT)
        until(lambda: RunningSpan.objects.filter(process=process_id()).exists(), "the open span of the child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    until(lambda: Ledger.objects.filter(alive=False).count() == 2, "the child's rows, and its death")
    print(Ledger.objects.filter(alive=True).count())
    """,
        folder,
        alias,
    )
    assert out.split() == ["2"]
    assert [span.outcome for span in running()] == [IS_LOST]


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ("nowhere", 'LLMTRACE["DATABASE"] names "nowhere"'),
        ("driverless", "no connection to the database: Error loading MySQLdb module"),
    ],
)
def test_a_database_that_the_settings_get_wrong_is_no_mistake_of_llmtrace(
    folder: Path, database: str, told: str
) -> None:
    more = (
        "sys.modules['MySQLdb'] = None\n"
        "settings.DATABASES['driverless'] = {'ENGINE': 'django.db.backends.mysql', 'NAME': 'x'}\n"
        "django.setup()"
    )
    code = PRELUDE.format(database={"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}, every=0.01)
    code = code.replace("django.setup()", more) + (
        "import logging\n"
        "logging.basicConfig(stream=sys.stdout)\n"
        "span('one')\n"
        "fanout = sys.modules['llmtrace.pipeline.fanout'].fanout\n"
        "fanout.close(5)\n"
        "print('answered', fanout._reporter._answered > 0)\n"
    )
    out = run(code, {**site(folder), "DATABASE": database})
    assert "answered True" in out
    assert told in out
    assert "mistake of llmtrace" not in out


def test_a_database_that_is_away_is_in_nobodys_way(folder: Path) -> None:
    code = PRELUDE.format(
        database={
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "away",
            "HOST": "127.0.0.1",
            "PORT": 1,
            "USER": "nobody",
        },
        every=0.01,
    ) + (
        "began = time.monotonic()\n"
        "span('one')\n"
        "import atexit, json\n"
        "fanout = sys.modules['llmtrace.pipeline.fanout'].fanout\n"
        "until(lambda: fanout._reporter._answered or fanout._reporter._board, 'a first try')\n"
        "fanout.close(0.5)\n"
        "print(json.dumps(time.monotonic() - began))\n"
    )
    settings = site(folder)
    settings["EXIT_TIMEOUT"] = 0.5
    assert json.loads(run(code, settings).splitlines()[-1]) < 10
    assert {entry.exporter: entry.account.ended for entry in ledgers.read(folder)}["later"] == 1
