"""The folder on disk for what has to outlive a process: spans that wait, and the numbers of the ledger."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import os
import stat
import sys
import tempfile
import uuid
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.signals import setting_changed

from llmtrace.conf import ROOT, get_config
from llmtrace.masking import get_logger
from llmtrace.pipeline.testrun import under_test

logger = get_logger("llmtrace.pipeline")

PRIVATE, PRIVATE_FILE = 0o700, 0o600
HAS_LOCKS: Final = importlib.util.find_spec("fcntl") is not None  # not on Windows: there nothing is kept on disk


def spool_folder() -> Path | None:
    """The folder of this site and this user, made when it is first asked for; None where there can't be any.

    It is the one that ``LLMTRACE["SPOOL"]["DIRECTORY"]`` names, if nobody but this user may look into it, else one of
    this user's inside it. Without the setting it is under the temporary directory, and there is none in a test run.

    None is told once in the log, with the reason, and spans then wait in memory only.
    """
    directory = get_config().spool.directory
    return _folder(None if directory is None else os.fspath(directory), under_test(), os.geteuid() if HAS_LOCKS else 0)


@cache
def _folder(directory: str | None, testing: bool, user: int) -> Path | None:  # a child may become another user
    if not HAS_LOCKS or (testing and directory is None):
        return None
    try:
        return _named(Path(directory)) if directory else private(Path(tempfile.gettempdir()) / default_name())
    except OSError as error:
        logger.warning(
            "Spans that cannot be sent wait in memory only. The folder %s cannot be used: %s. Name another in %s.",
            error.filename,
            error.strerror,
            f'{ROOT}["SPOOL"]["DIRECTORY"]',
        )
        return None


def default_name() -> str:
    """The name of the folder under the temporary directory: another one for each user and each site.

    Sites are told apart by their settings: one must not send what another has left.
    """
    module = os.environ.get("DJANGO_SETTINGS_MODULE", "")  # settings that a test overrides don't tell it
    file = getattr(sys.modules.get(module), "__file__", None)
    site = f"{getattr(settings, 'BASE_DIR', '')}\n{module}\n{file or os.getcwd()}"
    return default_prefix() + hashlib.sha256(site.encode(errors="replace")).hexdigest()[:16]


def default_prefix() -> str:
    """What the names of such folders of this user begin with."""
    return f"llmtrace-{os.geteuid()}-"


def _named(directory: Path) -> Path:
    directory.mkdir(PRIVATE, parents=True, exist_ok=True)
    status = directory.stat()
    if status.st_uid == os.geteuid() and not status.st_mode & 0o077:
        return _writable(directory)
    return private(directory / f"llmtrace-{os.geteuid()}")


def private(directory: Path) -> Path:
    """`directory`, made if it isn't there, when it is this user's alone.

    Raises:
        OSError: it can't be made or written, is a link, or others may look into it: anybody can make a folder of any
            name in the temporary directory, and wait for what is put there.
    """
    try:
        directory.mkdir(PRIVATE)
    except FileExistsError:
        status = directory.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise PermissionError(errno.EPERM, "it is not a folder of this user alone", str(directory)) from None
    return _writable(directory)


def _writable(directory: Path) -> Path:
    if not os.access(directory, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(directory))
    return directory


def size_of(path: Path) -> int:
    """Bytes of a file; none of one that another process has deleted in the meantime."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def folder_id(folder: Path) -> str:
    """What tells the folder from others, also from those of the same path on other machines and in other containers.

    Raises:
        OSError: it can't be read or written.
    """
    path = folder / ".ledger-id"
    if not path.exists():
        new = folder / f".ledger-id.{uuid.uuid4().hex}"
        new.touch(PRIVATE_FILE)
        new.write_text(uuid.uuid4().hex)
        try:
            with contextlib.suppress(FileExistsError):  # another process was quicker: its id is the folder's
                os.link(new, path)
        finally:
            new.unlink()
    return path.read_text()[:32]


def _settings_changed(*, setting: str, **_: object) -> None:
    if setting == ROOT:
        _folder.cache_clear()


setting_changed.connect(_settings_changed, dispatch_uid="llmtrace.pipeline.folder")
