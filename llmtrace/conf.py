"""The ``LLMTRACE`` setting: defaults, types, and the list of what is wrong with it.

Reading never raises: a wrong value is replaced by its default and becomes a `Problem`, which the system checks show and
which is logged once where checks don't run.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final, Literal

from django.conf import settings
from django.core.signals import setting_changed

ROOT: Final = "LLMTRACE"
OPENAI_BACKEND: Final = "llmtrace.providers.OpenAI"
DATABASE_BACKEND: Final = "llmtrace.exporters.Database"
LONGEST_S: Final = 1e9  # what waits longer, clocks and locks cannot count


@dataclass(frozen=True)
class Problem:
    """One mistake in the settings: its check id, where it is, what is wrong and what to do."""

    id: str
    where: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"({self.id}) {self.where} {self.message} {self.hint}"


@dataclass(frozen=True)
class BackendConfig:
    """A class by dotted path with its keyword arguments; `where` is the full settings path of the entry."""

    backend: str
    options: Mapping[str, Any]
    where: str


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
    """An entry of ``EXPORTERS``; `spans` is None where the entry leaves the choice to the exporter."""

    name: str
    filters: tuple[BackendConfig, ...] = ()
    spans: Literal["all", "llm"] | None = None
    sample: float = 1.0
    semconv: Literal["latest", "dup"] = "latest"
    queue: QueueConfig = QueueConfig()


@dataclass(frozen=True)
class JobsConfig:
    """How a job's run relates to what sent it; `link_after` is a delay in seconds."""

    relation: Literal["parent", "link"] = "parent"
    link_after: float | None = None
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpoolConfig:
    """Where spans wait on disk, and how many bytes they may take."""

    directory: str | None = None
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
    exporters_given: bool = False  # False when EXPORTERS is left to its default


def get_config() -> Config:
    """The configuration in force. Cached until ``LLMTRACE`` changes."""
    return _read()


@cache
def _read() -> Config:
    return read(getattr(settings, ROOT, None))


def _reset(*, setting: str, **_: Any) -> None:
    if setting == ROOT:
        _read.cache_clear()


setting_changed.connect(_reset, dispatch_uid="llmtrace.conf")


def read(raw: object) -> Config:
    """The configuration that a value of ``LLMTRACE`` means, with all its problems."""
    reader = _Reader()
    given = reader.mapping(ROOT, raw)
    reader.known(ROOT, given, _KEYS)
    values: dict[str, Any] = {}
    for key, value in given.items():
        where = f'{ROOT}["{key}"]'
        if key in _SCALARS:
            reader.take(values, key.lower(), where, value, _SCALARS[key])
    values["resource"] = reader.mapping(f'{ROOT}["RESOURCE"]', given.get("RESOURCE"))
    values["prices"] = reader.prices(given.get("PRICES"))
    values["exclude_urls"] = reader.texts(f'{ROOT}["EXCLUDE_URLS"]', given.get("EXCLUDE_URLS"), _PATTERNS)
    values["instrumentors"] = reader.texts(f'{ROOT}["INSTRUMENTORS"]', given.get("INSTRUMENTORS"))
    values["providers"] = reader.providers(given.get("PROVIDERS", {"default": {"BACKEND": OPENAI_BACKEND}}))
    values["exporters"] = reader.exporters(given.get("EXPORTERS", [{"BACKEND": DATABASE_BACKEND}]))
    values["exporters_given"] = "EXPORTERS" in given
    values["filters"] = reader.backends(f'{ROOT}["FILTERS"]', given.get("FILTERS"))
    values["jobs"] = reader.section(f'{ROOT}["JOBS"]', given.get("JOBS"), JobsConfig, _JOBS)
    values["spool"] = reader.section(f'{ROOT}["SPOOL"]', given.get("SPOOL"), SpoolConfig, _SPOOL)
    return Config(**values, problems=tuple(reader.problems))


@dataclass(frozen=True)
class _Kind:
    """What a scalar setting takes: a test and the words that name it."""

    words: str
    test: Any


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_amount(value: object) -> bool:
    try:
        return not isinstance(value, bool) and Decimal(str(value)).is_finite() and Decimal(str(value)) >= 0
    except InvalidOperation:
        return False


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


_PRICED: Final = {"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok"}
_BOOL = _Kind("True or False", lambda v: isinstance(v, bool))
_TEXT = _Kind("a text", lambda v: isinstance(v, str) and v != "")
_TEXT_OR_NONE = _Kind("a text or None", lambda v: v is None or (isinstance(v, str) and v != ""))
_PATH_OR_NONE = _Kind("a dotted path or None", lambda v: v is None or (isinstance(v, str) and "." in v))
_COUNT = _Kind("a whole number above 0", lambda v: isinstance(v, int) and not isinstance(v, bool) and v > 0)
_COUNT_OR_NONE = _Kind("a whole number above 0, or None", lambda v: v is None or _COUNT.test(v))
_SECONDS = _Kind("a number of seconds, 0 or more", lambda v: _number(v) and 0 <= v <= LONGEST_S)
_SECONDS_OR_NONE = _Kind("a number of seconds, or None", lambda v: v is None or _SECONDS.test(v))
_SHARE = _Kind("a number from 0 to 1", lambda v: _number(v) and 0 <= v <= 1)
_TEXTS = _Kind("a list of texts", lambda v: isinstance(v, (list, tuple)) and all(isinstance(i, str) for i in v))
_PATTERNS = _Kind("a list of regular expressions", lambda v: _TEXTS.test(v) and all(map(_is_pattern, v)))
_PRICE = _Kind(
    "a dict of USD per million tokens",
    lambda v: isinstance(v, Mapping) and v.keys() <= _PRICED and all(map(_is_amount, v.values())),
)
_BOOL_OR_OPTIONS = _Kind("True, False or a dict of options", lambda v: isinstance(v, (bool, Mapping)))


def _one_of(*choices: str) -> _Kind:
    return _Kind(" or ".join(f'"{c}"' for c in choices), lambda v: v in choices)


_SCALARS: Final[Mapping[str, _Kind]] = {
    "ENABLED": _BOOL,
    "SERVICE_NAME": _TEXT_OR_NONE,
    "TRACER_PROVIDER": _PATH_OR_NONE,
    "TRUST_INCOMING": _BOOL,
    "REDACT": _BOOL_OR_OPTIONS,
    "CAPTURE_CONTENT": _BOOL,
    "CAPTURE_MEDIA": _BOOL,
    "MAX_CONTENT": _COUNT,
    "EXPOSE_CONTENT": _BOOL,
    "DATABASE": _TEXT,
    "RETENTION_DAYS": _COUNT_OR_NONE,
    "CONTENT_RETENTION_DAYS": _COUNT_OR_NONE,
    "EXIT_TIMEOUT": _SECONDS,
}
_KEYS: Final = frozenset(f.name.upper() for f in fields(Config)) - {"PROBLEMS", "EXPORTERS_GIVEN"}
_JOBS: Final = {"RELATION": _one_of("parent", "link"), "LINK_AFTER": _SECONDS_OR_NONE, "EXCLUDE": _TEXTS}
_SPOOL: Final = {"DIRECTORY": _TEXT_OR_NONE, "MAX_BYTES": _COUNT}
_QUEUE: Final = {
    "size": _COUNT,
    "bytes": _COUNT,
    "batch": _COUNT,
    "delay": _SECONDS,
    "spool": _BOOL,
    "durable": _BOOL,
}
_ENTRY: Final = {
    "NAME": _TEXT,
    "SPANS": _one_of("all", "llm"),
    "SAMPLE": _SHARE,
    "SEMCONV": _one_of("latest", "dup"),
}
_ENTRY_KEYS: Final = frozenset({"BACKEND", "OPTIONS", "FILTERS", "QUEUE", *_ENTRY})


class _Reader:
    """Reads values and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, id: str, where: str, message: str, hint: str) -> None:
        self.problems.append(Problem(f"llmtrace.{id}", where, message, hint))

    def known(self, where: str, given: Mapping[str, Any], keys: frozenset[str]) -> None:
        for key in given:
            if key not in keys:
                close = difflib.get_close_matches(str(key), keys, 1)
                hint = f'Did you mean "{close[0]}"?' if close else f"Known keys: {', '.join(sorted(keys))}."
                self.wrong("E001", f'{where}["{key}"]', "is no setting of llmtrace.", hint)

    def take(self, values: dict[str, Any], name: str, where: str, value: object, kind: _Kind) -> None:
        if kind.test(value):
            values[name] = tuple(value) if isinstance(value, list) else value
        else:
            self.wrong("E010", where, f"has to be {kind.words}.", f"It is a value of type {type(value).__name__}.")

    def mapping(self, where: str, raw: object) -> dict[str, Any]:
        if raw is None:
            return {}
        if isinstance(raw, Mapping):
            return dict(raw)
        self.wrong("E010", where, "has to be a dict.", f"It is a value of type {type(raw).__name__}.")
        return {}

    def prices(self, raw: object) -> dict[str, Any]:
        where, read = f'{ROOT}["PRICES"]', dict[str, Any]()
        for model, price in self.mapping(where, raw).items():
            self.take(read, model, f'{where}["{model}"]', price, _PRICE)
        return read

    def texts(self, where: str, raw: object, kind: _Kind = _TEXTS) -> tuple[str, ...]:
        values: dict[str, Any] = {}
        if raw is not None:
            self.take(values, "texts", where, raw, kind)
        found: tuple[str, ...] = values.get("texts", ())
        return found

    def section(self, where: str, raw: object, cls: type[Any], kinds: Mapping[str, _Kind]) -> Any:
        given, values = self.mapping(where, raw), dict[str, Any]()
        self.known(where, given, frozenset(kinds))
        for key in kinds.keys() & given.keys():
            self.take(values, key.lower(), f'{where}["{key}"]', given[key], kinds[key])
        return cls(**values)

    def backend(self, where: str, raw: object, keys: frozenset[str]) -> dict[str, Any] | None:
        """The entry as a dict with BACKEND and OPTIONS in order, or None when there is nothing to build."""
        if not isinstance(raw, Mapping):
            self.wrong("E010", where, "has to be a dict.", f"It is a value of type {type(raw).__name__}.")
            return None
        given = dict(raw)
        self.known(where, given, keys)
        path = given.get("BACKEND")
        if not isinstance(path, str) or "." not in path:
            hint = 'Name the class by its dotted path, such as "llmtrace.exporters.Database".'
            self.wrong("E002", where, "has no BACKEND.", hint)
            return None
        given["OPTIONS"] = self.mapping(f'{where}["OPTIONS"]', given.get("OPTIONS"))
        return given

    def backends(self, where: str, raw: object) -> tuple[BackendConfig, ...]:
        read = []
        for index, entry in enumerate(self.entries(where, raw)):
            at = f"{where}[{index}]"
            given = self.backend(at, entry, frozenset({"BACKEND", "OPTIONS"}))
            if given is not None:
                read.append(BackendConfig(given["BACKEND"], given["OPTIONS"], at))
        return tuple(read)

    def entries(self, where: str, raw: object) -> list[Any]:
        if raw is None:
            return []
        if isinstance(raw, (list, tuple)):
            return list(raw)
        self.wrong("E010", where, "has to be a list.", f"It is a value of type {type(raw).__name__}.")
        return []

    def providers(self, raw: object) -> dict[str, BackendConfig]:
        where, read = f'{ROOT}["PROVIDERS"]', dict[str, BackendConfig]()
        for name, entry in self.mapping(where, raw).items():
            at = f'{where}["{name}"]'
            given = self.backend(at, entry, frozenset({"BACKEND", "OPTIONS"}))
            if given is not None:
                read[str(name)] = BackendConfig(given["BACKEND"], given["OPTIONS"], at)
        if (raw is None or isinstance(raw, Mapping)) and "default" not in (raw or {}):
            hint = 'Calls that name no provider use "default": add it, or name a provider in every call.'
            self.wrong("E007", where, 'has no "default".', hint)
        return read

    def exporters(self, raw: object) -> tuple[ExporterConfig, ...]:
        where, read = f'{ROOT}["EXPORTERS"]', dict[str, ExporterConfig]()
        for index, entry in enumerate(self.entries(where, raw)):
            at = f"{where}[{index}]"
            given = self.backend(at, entry, _ENTRY_KEYS)
            if given is None:
                continue
            exporter = self.exporter(at, given)
            if exporter.name in read:
                hint = 'Give one of them a "NAME" of its own: the ledger and the spool go by it.'
                self.wrong("E006", at, f'has the name "{exporter.name}" of {read[exporter.name].where}.', hint)
            else:
                read[exporter.name] = exporter
        return tuple(read.values())

    def exporter(self, at: str, given: dict[str, Any]) -> ExporterConfig:
        values: dict[str, Any] = {"name": given["BACKEND"].rpartition(".")[2]}
        for key in _ENTRY.keys() & given.keys():
            self.take(values, key.lower(), f'{at}["{key}"]', given[key], _ENTRY[key])
        values["filters"] = self.backends(f'{at}["FILTERS"]', given.get("FILTERS"))
        values["queue"] = self.section(f'{at}["QUEUE"]', given.get("QUEUE"), QueueConfig, _QUEUE)
        return ExporterConfig(backend=given["BACKEND"], options=given["OPTIONS"], where=at, **values)
