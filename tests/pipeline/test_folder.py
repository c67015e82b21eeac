"""What is kept on disk is kept where nobody else may look, or nowhere."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from llmtrace.pipeline import folder, process
from llmtrace.pipeline.folder import spool_folder
from llmtrace.pipeline.process import base36, process_id


def found(directory: Path | str | None) -> Path | None:
    with override_settings(LLMTRACE={"SPOOL": {"DIRECTORY": directory and str(directory)}}):
        return spool_folder()


@pytest.fixture
def outside_of_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A temporary directory of the test's own, in a process that is no test run."""
    monkeypatch.setattr(folder, "under_test", lambda: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_named_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    named = tmp_path / "var" / "spool"
    assert found(named) == named
    assert mode(named) == 0o700
    assert found(named) == named


def test_in_a_named_folder_that_others_may_read_there_is_one_of_this_users(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    own = tmp_path / f"llmtrace-{os.geteuid()}"
    assert found(tmp_path) == own
    assert mode(own) == 0o700
    assert mode(tmp_path) == 0o777


def test_without_a_name_it_is_under_the_temporary_directory(outside_of_tests: Path) -> None:
    made = found(None)
    assert made is not None
    assert made.parent == outside_of_tests
    assert made.name.startswith(f"llmtrace-{os.geteuid()}-")
    assert mode(made) == 0o700
    with override_settings(BASE_DIR="/another/site"):
        assert found(None) != made


def test_in_a_test_run_nothing_is_kept_unless_a_folder_is_named() -> None:
    assert found(None) is None


def as_link(path: Path) -> None:
    path.with_name("elsewhere").mkdir(0o700)
    path.symlink_to(path.with_name("elsewhere"))


def as_open_folder(path: Path) -> None:
    path.mkdir()
    path.chmod(0o750)


def as_file(path: Path) -> None:
    path.write_text("")
    path.chmod(0o600)


@pytest.mark.parametrize("trap", [as_link, as_open_folder, as_file])
def test_what_another_has_put_in_its_place_is_not_used(
    outside_of_tests: Path, caplog: pytest.LogCaptureFixture, trap: Any
) -> None:
    with override_settings(LLMTRACE={}):
        trap(outside_of_tests / folder.default_name())
        assert spool_folder() is None
        assert spool_folder() is None
    (line,) = [record.getMessage() for record in caplog.records]
    assert "wait in memory only" in line
    assert "not a folder of this user alone" in line


def test_another_users_folder_is_not_used(outside_of_tests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with override_settings(LLMTRACE={}):
        made = spool_folder()
    name = folder.default_name()
    monkeypatch.setattr(folder, "default_name", lambda: name)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert made is not None
    assert found(None) is None


def test_one_that_cannot_be_made_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    with override_settings(LLMTRACE={"SPOOL": {"DIRECTORY": str(tmp_path / "file" / "spool")}}):
        assert spool_folder() is None
        assert spool_folder() is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_process_has_one_id_and_a_child_another() -> None:
    mine = process_id()
    assert mine == process_id()
    assert mine.split("-")[-2] == str(os.getpid())
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, process_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 200).decode().split("-")[-2] == str(child)
    os.close(read)
    os.close(write)


def test_threads_that_ask_for_the_first_time_at_once_have_one_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file of the spool holds could not be credited to a ledger of another id."""
    both_make_one = threading.Barrier(2)

    def met(number: int) -> str:
        both_make_one.wait(10)
        return base36(number)

    monkeypatch.setattr(process, "_ids", {})
    monkeypatch.setattr(process, "base36", met)
    with ThreadPoolExecutor(2) as threads:
        ids = [threads.submit(process_id) for _ in range(2)]
    assert {each.result() for each in ids} == {process_id()}


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (35, "z"), (36, "10"), (1_764_351_600_000, "mij5dzeo")])
def test_numbers_in_base_36(number: int, text: str) -> None:
    assert base36(number) == text
    assert int(text, 36) == number
