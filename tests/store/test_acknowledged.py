"""Losses that were acknowledged are no news, wherever their numbers go, and they hide no other loss."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmtrace.models import Ledger
from llmtrace.pipeline import acknowledged, ledgers
from llmtrace.pipeline.account import DIED
from llmtrace.pipeline.book import path_of
from llmtrace.pipeline.ledger import ledger_of
from llmtrace.store.health import Health, acknowledge, read
from tests.dashboard.ledgers import counted, ledger_row, ledgers_in

pytestmark = pytest.mark.django_db

FULL = "queue full"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with ledgers_in(tmp_path) as made:
        yield made


def lose(folder: Path, process: str, count: int = 4) -> None:
    """Have a process lose spans and end."""
    counted(folder, process, ended=count, dropped={FULL: count}).close()


def fold(folder: Path) -> None:
    """Sum up all that have ended, as happens a day later."""
    ledgers.fold(folder, now=time.time() + ledgers.KEPT_S + 60)


def fresh() -> int:
    """How many lost spans nobody has acknowledged."""
    return read().fresh.total()


def test_what_was_acknowledged_moves_into_the_sum_and_hides_nothing_there(folder: Path) -> None:
    for number in range(3):
        lose(folder, f"web-{number}-a")
        assert acknowledge(read()) == 4
        fold(folder)
        assert fresh() == 0
    lose(folder, "web-9-z", 2)
    fold(folder)
    assert fresh() == 2


def test_what_was_acknowledged_goes_with_a_file_that_somebody_deletes(folder: Path) -> None:
    lose(folder, "web-1-a")
    acknowledge(read())
    path_of(folder, "web-1-a").unlink()
    lose(folder, "web-2-b")
    fold(folder)
    assert fresh() == 4


def test_what_was_acknowledged_here_hides_nothing_on_another_machine(folder: Path) -> None:
    lose(folder, "web-1-a")
    acknowledge(read())
    fold(folder)
    ledger_row("db-earlier-2f", ended=4, dropped={FULL: 4})
    assert fresh() == 4


def test_on_another_machine_it_goes_into_the_sum_of_the_same_folder_only(folder: Path) -> None:
    gone = ledger_row("db-1-a", folder="one", ended=4, dropped={FULL: 4})
    acknowledge(read())
    gone.delete()
    row = ledger_row("db-earlier-1f", folder="one", ended=4, dropped={FULL: 4})
    assert fresh() == 0
    ledger_row("db-earlier-2f", folder="two", ended=3, dropped={FULL: 3})
    assert fresh() == 3
    Ledger.objects.filter(pk=row.pk).update(dropped={FULL: 5})
    assert fresh() == 4
    acknowledge(read())
    Ledger.objects.filter(pk=row.pk).update(dropped={FULL: 6})
    assert fresh() == 1


@pytest.mark.parametrize("step", ["unlink", "move"])
def test_a_crash_while_it_moves_hides_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    lose(folder, "web-1-a")
    acknowledge(read())

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path if step == "unlink" else acknowledged, step, crash)
        with pytest.raises(KeyboardInterrupt):
            fold(folder)
    fold(folder)
    assert fresh() == 4  # shown again
    lose(folder, "web-2-b", 1)
    assert fresh() == 5
    fold(folder)
    assert fresh() == 5
    assert acknowledge(read()) == 5
    assert fresh() == 0


def test_what_is_seen_twice_while_it_is_summed_up_counts_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(folder, "web-1-a")
    seen: list[Health] = []
    unlink = Path.unlink

    def looked_at(path: Path, missing_ok: bool = False) -> None:
        if path.name == "web-1-a.ledger":
            seen.append(read())
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", looked_at)
    fold(folder)
    (health,) = seen
    assert health.fresh.total() == 8
    acknowledge(health)
    assert fresh() == 0
    lose(folder, "web-2-b")
    fold(folder)
    assert fresh() == 4


def test_what_is_summed_up_while_somebody_looks_stays_acknowledged_and_the_rest_is_shown_again(folder: Path) -> None:
    lose(folder, "web-1-a", 3)
    acknowledge(read())
    lose(folder, "web-2-b", 2)
    seen = read()
    fold(folder)
    acknowledge(seen)
    assert fresh() == 2


def test_a_loss_that_was_none_hides_none(folder: Path) -> None:
    """Of three spans that were given up with their process one is found on disk later."""
    counted(folder, "web-1-a", ended=3).close()
    assert acknowledge(read()) == 3
    ledger_of("web-1-a", "collector").sent(1)
    fold(folder)
    assert read().by_exporter()["collector"].dropped == {DIED: 2}
    ledger_of("web-1-a", "collector").sent(1)
    counted(folder, "web-2-b", ended=1).close()
    acknowledge(read())
    counted(folder, "web-3-c", ended=1).close()
    fold(folder)
    assert fresh() == 1
