"""A database router for projects that keep llmtrace's tables in a database of their own."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Model

from llmtrace.conf import DATABASE_BACKEND, get_config

APP: Final = "llmtrace"


class LLMTraceRouter:
    """Sends llmtrace's models to ``LLMTRACE["DATABASE"]``, has no opinion on any other model.

    List it in ``DATABASE_ROUTERS``, before any that answers for all models.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        """The store's database for our models."""
        return get_config().database if model._meta.app_label == APP else None

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        """The store's database for our models."""
        return self.db_for_read(model)

    def allow_relation(self, obj1: Model, obj2: Model, **hints: Any) -> bool | None:
        """Ours are related to one another and to nobody else."""
        ours = (obj1._meta.app_label == APP) + (obj2._meta.app_label == APP)
        return None if ours == 0 else ours == 2

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool | None:
        """Our tables are made in the store's database and those that exporters write besides, and in no other."""
        return db in _stores() if app_label == APP else None


def _stores() -> list[Any]:
    config = get_config()
    return [
        config.database,
        *(each.options.get("alias") for each in config.exporters if each.backend == DATABASE_BACKEND),
    ]
