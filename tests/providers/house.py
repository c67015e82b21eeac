"""All providers of the matrix at once, each with the server that it talks to."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from llmtrace.testing import CapturedSpans, captured_spans
from tests.providers.rows import ROWS, Row
from tests.servers.wire import Host


class House:
    """Servers, and ``PROVIDERS`` with each row by its name. SDK clients are made once and serve all tests."""

    spans: CapturedSpans

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._stack = ExitStack()
        self._hosts: dict[str, Host] = {}

    def __enter__(self) -> Self:
        self._hosts = {row.name: self._stack.enter_context(Host(row.wire())) for row in ROWS}
        providers = {row.name: row.provider(self._hosts[row.name], **self._options) for row in ROWS}
        providers["default"] = providers[ROWS[0].name]
        self.spans = self._stack.enter_context(captured_spans(PROVIDERS=providers))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self._stack.close()

    def host(self, row: Row) -> Host:
        """The server of a provider, as if nobody had asked it yet; there are no spans either."""
        host = self._hosts[row.name]
        host.forget()
        self.spans.clear()
        return host
