"""An index that has only the rows which have a value, where the database knows such indexes."""

from __future__ import annotations

from typing import Any

from django.db import models


class KnownIndex(models.Index):
    """Leaves out the rows whose first field is null: on PostgreSQL and SQLite they cost an insert nothing.

    MySQL and MariaDB have no such index, and Django would warn of a `condition` there: on them it has all rows.
    """

    def create_sql(self, model: type[models.Model], schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        if not schema_editor.connection.features.supports_partial_indexes:
            return super().create_sql(model, schema_editor, using, **kwargs)
        self.condition = models.Q((f"{self.fields[0]}__isnull", False))
        try:
            return super().create_sql(model, schema_editor, using, **kwargs)
        finally:
            self.condition = None
