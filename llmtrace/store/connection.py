"""A database connection of the exporter's own, outside the host's transactions, its routers and its query log.

It is a connection of Django's, made from the host's settings but not kept in `django.db.connections`: nothing else uses
it, and what the host does to its own connections (transactions, wrappers around queries, closing all) doesn't reach it.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import load_backend

from llmtrace.conf import ROOT, get_config
from llmtrace.exceptions import ConfigurationError
from llmtrace.forking import at_fork

CONNECT_S: Final = 10  # where the host's own options say nothing
FORK_PATIENCE_S: Final = 2.0  # how long a fork waits for a batch that is being written


class Moved(Exception):
    """The settings name another database now than the one asked for."""


class StoreConnection:
    """Opened when it is needed, and again when the settings name another database."""

    def __init__(self, alias: str | None = None) -> None:
        """`alias` is a key of ``DATABASES``; None follows ``LLMTRACE["DATABASE"]``.

        Raises:
            ConfigurationError: there is no such database.
        """
        self.alias = alias or get_config().database
        if self.alias not in connections.settings:
            where = f'{ROOT}["DATABASE"]' if alias is None else 'The option "alias" of llmtrace.exporters.Database'
            raise ConfigurationError(f'{where} names "{self.alias}", which is no key of DATABASES.')
        self._settings = connections.settings[self.alias]  # one dict for the whole process: test runners change it
        self._wrapper: BaseDatabaseWrapper | None = None
        self.lock = threading.RLock()
        self._holders: set[int] = set()  # threads that fork, and have the lock for it
        _live[self] = None

    def name(self) -> str:
        """The name of the configured database, which test runners replace for as long as they run."""
        name = self._settings["NAME"]
        return name if isinstance(name, str) else str(name)

    def is_dummy(self) -> bool:
        """Whether the project has no database."""
        return bool(self._settings["ENGINE"] == "django.db.backends.dummy")

    def is_sqlite(self) -> bool:
        """Whether the configured database is an SQLite database."""
        engine: str = self._settings["ENGINE"]
        return engine.endswith("sqlite3")

    def in_memory(self) -> bool:
        """Whether the configured database is an SQLite database in memory."""
        name = self.name()
        return self.is_sqlite() and (name == ":memory:" or "mode=memory" in name)

    @property
    def is_open(self) -> bool:
        return self._wrapper is not None

    def open(self, name: str) -> BaseDatabaseWrapper:
        """The connection to the database `name`, opened if it isn't.

        Raises:
            Moved: the settings name another database.
            django.db.Error: it can't be reached.
        """
        settings = dict(self._settings)
        if str(settings["NAME"]) != name:
            raise Moved
        if self._wrapper is not None and str(self._wrapper.settings_dict["NAME"]) != name:
            self.close()
        if self._wrapper is None:
            backend = load_backend(settings["ENGINE"]).DatabaseWrapper
            settings["OPTIONS"] = _options(settings["OPTIONS"], backend.vendor)
            settings["AUTOCOMMIT"] = True
            wrapper: BaseDatabaseWrapper = backend(settings, self.alias)
            wrapper.inc_thread_sharing()  # `lock` keeps it to one thread at a time
            self._wrapper = wrapper
            try:
                wrapper.ensure_connection()
            except Exception:  # of a handler of the host's, perhaps: then there is a connection
                self.close()
                raise
        return self._wrapper

    @contextmanager
    def transaction(self, begin: str) -> Iterator[Any]:
        """A cursor of the driver's own in a transaction on the open connection, which `begin` begins.

        Django's cursor would log the queries and run the wrappers that the host puts around them.
        """
        wrapper = self._wrapper
        assert wrapper is not None
        with closing(wrapper.connection.cursor()) as cursor:
            cursor.execute(begin)
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                try:
                    cursor.execute("ROLLBACK")
                except Exception:
                    self.close()
                raise

    def is_usable(self) -> bool:
        """Whether the open connection still works; asks the database."""
        try:
            return self._wrapper is not None and self._wrapper.is_usable()
        except Exception:  # a driver's own way to say no
            return False

    def close(self) -> None:
        """Let go of the connection, if there is one. Never raises: a connection that is gone can't be closed."""
        wrapper, self._wrapper = self._wrapper, None
        if wrapper is not None:
            try:
                wrapper.close()
            except Exception:
                wrapper.connection = None

    def _before_fork(self) -> None:
        """Close a connection to SQLite, between two batches, so that no child inherits it.

        A child would inherit SQLite's own account of the locks that its parent holds, too: it finds the file locked for
        as long as it lives, or believes to hold a lock that it has not (sqlite.org/howtocorrupt.html, 2.6).
        """
        if self.is_sqlite() and self.lock.acquire(timeout=FORK_PATIENCE_S):
            self._holders.add(threading.get_ident())
            self.close()

    def _after_fork_in_parent(self) -> None:
        if threading.get_ident() in self._holders:
            self._holders.remove(threading.get_ident())
            self.lock.release()

    def _leave_to_parent(self) -> None:
        """Forget, in a forked child, the connection of the parent without closing it.

        To close it would roll back, in the parent's file or on its socket, what the parent is writing. The driver
        closes what is no longer referenced, so that a reference stays for good.
        """
        wrapper, self._wrapper = self._wrapper, None
        self.lock, self._holders = threading.RLock(), set()
        if wrapper is not None and wrapper.connection is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(wrapper.connection))


def _options(given: Mapping[str, Any], vendor: str) -> dict[str, Any]:
    """The host's options for a connection that is ours.

    Its pool is not: a connection that is kept would be one less for its requests. PostgreSQL's drivers wait for
    minutes, or for ever, for a server that accepts and says nothing; meanwhile nobody would know what is wrong.
    """
    patience = {"connect_timeout": CONNECT_S} if vendor == "postgresql" else {}
    return {**patience, **{key: value for key, value in given.items() if key != "pool"}}


_live: Final[weakref.WeakKeyDictionary[StoreConnection, None]] = weakref.WeakKeyDictionary()


def _all() -> list[StoreConnection]:
    """Those that there are. To go through them one by one would fail where another thread makes one meanwhile."""
    return [connection for reference in _live.keyrefs() if (connection := reference()) is not None]


def _before_fork() -> None:
    for connection in _all():
        connection._before_fork()


def _after_fork_in_parent() -> None:
    for connection in _all():
        connection._after_fork_in_parent()


def _after_fork_in_child() -> None:
    for connection in _all():
        connection._leave_to_parent()


at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def driver_error(error: BaseException) -> BaseException:
    """The driver's own error behind the one that Django made of it."""
    cause: Any = error.__cause__
    return error if cause is None else cause
