"""What sites that have gone have left under the temporary directory goes as well, once nobody needs it any more."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from llmtrace.pipeline import leftovers
from llmtrace.pipeline.account import Account
from llmtrace.pipeline.book import Book
from llmtrace.pipeline.folder import default_prefix, folder_id
from llmtrace.pipeline.leader import Leader
from llmtrace.pipeline.segment import Segment
from tests.interpreter import run

OLD_S = leftovers.AFTER_S + 60


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(parent: Path, name: str = "of another site", age: float = OLD_S, **counted: Any) -> Path:
    """The folder of a site with a process that has died."""
    folder = parent / f"{default_prefix()}{name}"
    folder.mkdir(0o700)
    folder_id(folder)
    with closing(Book(folder, "web-1-a")) as book:
        sheet = book.sheet("backend")
        fields = {"ended": 0, "sent": 0, "waiting": 0, "dropped": {}, "failed_closed": 0, "spooled": 0}
        sheet.add(Account(**{**fields, "last_error": None, "last_error_at": None, **counted}))
        sheet.release()
    grow_old(folder, age)
    return folder


def grow_old(folder: Path, age: float = OLD_S) -> None:
    for path in (*folder.iterdir(), folder):
        os.utime(path, (time.time() - age,) * 2)


def clear(temporary: Path) -> None:
    leftovers.clear(temporary / f"{default_prefix()}own")


def test_a_folder_in_which_all_was_sent_goes(temporary: Path) -> None:
    folder, own = left(temporary, ended=3, sent=3), left(temporary, "own", ended=3, sent=3)
    clear(temporary)
    assert (folder.exists(), own.exists()) == (False, True)


@pytest.mark.parametrize(
    ("counted", "age"),
    [({"ended": 3, "sent": 2}, OLD_S), ({"ended": 3, "sent": 2, "spooled": 1}, OLD_S), ({}, leftovers.AFTER_S - 60)],
    ids=["a loss", "spans that wait", "younger"],
)
def test_one_that_somebody_may_still_need_stays(temporary: Path, counted: dict[str, Any], age: float) -> None:
    folder = left(temporary, age=age, **counted)
    before = sorted(folder.iterdir())
    clear(temporary)
    assert sorted(folder.iterdir()) == before


def with_spans(folder: Path) -> None:
    Segment.create(folder, "backend").release()


def with_a_damaged_ledger(folder: Path) -> None:
    (folder / "web-2-b.ledger").write_bytes(b"damaged" * 100)


def with_notes(folder: Path) -> None:
    (folder / "notes.txt").touch()


def open_to_others(folder: Path) -> None:
    folder.chmod(0o755)


@pytest.mark.parametrize("make", [with_spans, with_a_damaged_ledger, with_notes, open_to_others])
def test_one_that_has_more_than_numbers_or_is_not_this_users_alone_stays(
    temporary: Path, make: Callable[[Path], None]
) -> None:
    folder = left(temporary)
    make(folder)
    grow_old(folder)
    clear(temporary)
    assert (folder / "web-1-a.ledger").exists()


@pytest.mark.parametrize("how", ["leads", "counts"])
def test_one_whose_process_lives_stays(temporary: Path, how: str) -> None:
    folder = left(temporary)
    leader, book = Leader(), Book(folder, "web-2-b")
    if how == "leads":
        leader.leads(folder)
    else:
        book.sheet("backend").release()
    grow_old(folder)
    clear(temporary)
    assert (folder / "web-1-a.ledger").exists()
    leader.leave()
    book.close()
    clear(temporary)
    assert not folder.exists()


def test_a_site_that_names_its_folder_leaves_others_alone(temporary: Path) -> None:
    folder = left(temporary)
    leftovers.clear(temporary / "spool")
    leftovers.clear(temporary / "elsewhere" / f"{default_prefix()}own")
    assert folder.exists()


def test_a_process_that_begins_clears_up(tmp_path: Path) -> None:
    folder = left(tmp_path)
    code = f"""
    import django
    from pathlib import Path
    django.setup()
    from llmtrace.pipeline import reporter
    from tests.pipeline.making import span
    from tests.waiting import until
    reporter.EVERY_S = 0.05
    span("one")
    until(lambda: not Path({str(folder)!r}).exists(), "it is cleared up", 20)
    """
    run(code, {"EXPORTERS": [{"BACKEND": "benchmarks.discard.Discard"}]}, TMPDIR=str(tmp_path))
    assert [path.name.startswith(default_prefix()) for path in tmp_path.iterdir()] == [True]
