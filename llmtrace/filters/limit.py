"""`LimitContent`, what ``MAX_CONTENT`` stands for: it cuts what people and models wrote, and nothing else."""

from __future__ import annotations

from llmtrace.filters.truncate import Truncate
from llmtrace.semconv import is_content, is_event_content


class LimitContent(Truncate):
    """Cuts each text of the content that is longer than `length` characters, as `Truncate` does.

    It comes right after redaction: of a secret that was cut in two before, no pattern would know the half that is left.
    """

    def _cuts(self, event: str | None, name: str) -> bool:
        return is_content(name) if event is None else is_event_content(event, name)
