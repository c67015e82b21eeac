"""What ``LLMTRACE`` means, as values: one frozen class for all of it, and one for each of its parts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from llmtrace.masking import masked

ROOT: Final = "LLMTRACE"
OPENAI_BACKEND: Final = "llmtrace.providers.OpenAI"
DATABASE_BACKEND: Final = "llmtrace.exporters.Database"


@dataclass(frozen=True)
class Problem:
    """One mistake in the settings: its check id, where it is, what is wrong and what to do.

    What somebody has written there in place of a name may be a secret, and so may what an error quotes: it is masked.
    """

    id: str
    where: str
    message: str
    hint: str

    @property
    def is_warning(self) -> bool:
        """Whether llmtrace works all the same."""
        return self.id.startswith("llmtrace.W")

    def __post_init__(self) -> None:
        if self.is_warning:  # in words of ours alone, and told of settings that work
            return
        for name in ("where", "message", "hint"):
            object.__setattr__(self, name, masked(getattr(self, name)))

    def __str__(self) -> str:
        return f"({self.id}) {self.where} {self.message} {self.hint}"


@dataclass(frozen=True)
class BackendConfig:
    """A class by dotted path with its keyword arguments; `where` is the full settings path of the entry.

    `problem` is set where the entry could not be read, and something has to stand in its place.
    Error pages and reports show the variables of each frame: options, which hold keys, are not in its `repr`.
    """

    backend: str
    options: Mapping[str, Any] = field(repr=False)
    where: str
    problem: Problem | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class QueueConfig:
    """Bounds of an exporter's queue: spans, bytes, spans a batch, seconds until a batch that isn't full goes."""

    size: int = 20_000
    bytes: int = 64 * 1024 * 1024
    batch: int = 512
    delay: float = 1.0
    spool: bool = True
    durable: bool = False


@dataclass(frozen=True)
class ExporterConfig(BackendConfig):
    """An entry of ``EXPORTERS``; `spans` and `semconv` are None where the entry leaves the choice to the exporter.

    `given` are the keys that the entry has.
    """

    name: str
    filters: tuple[BackendConfig, ...] = ()
    spans: Literal["all", "llm"] | None = None
    sample: float = 1.0
    semconv: Literal["latest", "dup"] | None = None
    queue: QueueConfig = QueueConfig()
    given: frozenset[str] = frozenset()


@dataclass(frozen=True)
class JobsConfig:
    """How a job's run relates to what sent it; `link_after` is a delay in seconds."""

    relation: Literal["parent", "link"] = "parent"
    link_after: float | None = None
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpoolConfig:
    """Where spans wait on disk, and how many bytes they may take."""

    directory: str | os.PathLike[str] | None = None
    max_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True)
class Config:
    """All of ``LLMTRACE``, with defaults; each field is the setting of the same name in lower case."""

    enabled: bool = True
    service_name: str | None = None
    resource: Mapping[str, Any] = field(default_factory=dict)
    tracer_provider: str | None = None
    trust_incoming: bool = False
    exclude_urls: tuple[str, ...] = ()
    providers: Mapping[str, BackendConfig] = field(default_factory=dict)
    exporters: tuple[ExporterConfig, ...] = ()
    filters: tuple[BackendConfig, ...] = ()
    redact: bool | Mapping[str, Any] = True
    capture_content: bool = True
    capture_media: bool = False
    max_content: int = 100_000
    expose_content: bool = False
    instrumentors: tuple[str, ...] = ()
    jobs: JobsConfig = JobsConfig()
    prices: Mapping[str, Any] = field(default_factory=dict)
    database: str = "default"
    retention_days: int | None = 30
    content_retention_days: int | None = None
    spool: SpoolConfig = SpoolConfig()
    exit_timeout: float = 5.0
    problems: tuple[Problem, ...] = ()
    given: frozenset[str] = frozenset()  # the settings that the project has written, by their keys
