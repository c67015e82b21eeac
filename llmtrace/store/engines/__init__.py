"""How a batch of records gets into each kind of database, by the driver's own means and in one transaction."""

from __future__ import annotations

from llmtrace.store.engines.base import Engine, text_in_zone
from llmtrace.store.engines.mysql import MySQL
from llmtrace.store.engines.postgresql import PostgreSQL
from llmtrace.store.engines.sqlite import SQLite

ENGINES: dict[str, Engine] = {"sqlite": SQLite(), "postgresql": PostgreSQL(), "mysql": MySQL()}
"""By the `vendor` of Django's connection; MariaDB's is ``mysql``."""

__all__ = ["ENGINES", "Engine", "text_in_zone"]
