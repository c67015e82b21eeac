"""From a value of ``LLMTRACE`` to what it means, with all that is wrong with it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from llmtrace.conf.kinds import ENTRY, ENTRY_KEYS, JOBS, KEYS, PATTERNS, PRICE, QUEUE, SCALARS, SPOOL, TEXTS, Kind
from llmtrace.conf.shapes import (
    DATABASE_BACKEND,
    OPENAI_BACKEND,
    ROOT,
    BackendConfig,
    Config,
    ExporterConfig,
    JobsConfig,
    Problem,
    QueueConfig,
    SpoolConfig,
)
from llmtrace.jsontext import encodable, printable

MOST_SHOWN: Final = 10**15  # a larger number is a slip of the hand, and may have more digits than Python writes


def read(raw: object) -> Config:
    """The configuration that a value of ``LLMTRACE`` means, with all its problems."""
    reader = Reader()
    given = reader.mapping(ROOT, raw)
    reader.known(ROOT, given, KEYS)
    values: dict[str, Any] = {}
    for key, value in given.items():
        where = f'{ROOT}["{key}"]'
        if key in SCALARS:
            reader.take(values, key.lower(), where, value, SCALARS[key])
    for key in ("ENABLED", "CAPTURE_CONTENT"):
        if key in given or f'{ROOT}["{key}"]' in reader.meant:
            values.setdefault(key.lower(), False)  # whoever speaks of it wants less than the default
    values["resource"] = reader.mapping(f'{ROOT}["RESOURCE"]', given.get("RESOURCE"))
    values["prices"] = reader.prices(given.get("PRICES"))
    values["exclude_urls"] = reader.texts(f'{ROOT}["EXCLUDE_URLS"]', given.get("EXCLUDE_URLS"), PATTERNS)
    values["instrumentors"] = reader.texts(f'{ROOT}["INSTRUMENTORS"]', given.get("INSTRUMENTORS"))
    values["providers"] = reader.providers(given.get("PROVIDERS", {"default": {"BACKEND": OPENAI_BACKEND}}))
    values["exporters"] = reader.exporters(given.get("EXPORTERS", [{"BACKEND": DATABASE_BACKEND}]))
    values["given"] = frozenset(given)
    unread = reader.unread(f'{ROOT}["REDACT"]')
    values["filters"] = (*unread, *reader.filters(f'{ROOT}["FILTERS"]', given.get("FILTERS")))
    values["jobs"] = reader.section(f'{ROOT}["JOBS"]', given.get("JOBS"), JobsConfig, JOBS)
    values["spool"] = reader.section(f'{ROOT}["SPOOL"]', given.get("SPOOL"), SpoolConfig, SPOOL)
    return Config(**values, problems=tuple(reader.problems))


class Reader:
    """Reads values and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.meant: dict[str, Problem] = {}  # full paths of keys that are there under a name that is not known

    def wrong(self, id: str, where: str, message: str, hint: str) -> None:
        self.problems.append(Problem(f"llmtrace.{id}", where, message, hint))

    def known(self, where: str, given: Mapping[str, Any], keys: frozenset[str]) -> None:
        for key in given:
            if key not in keys:
                nearest = _nearest(str(key), keys)
                hint = f'Did you mean "{nearest}"?' if nearest else f"Known keys: {', '.join(sorted(keys))}."
                self.wrong("E001", f'{where}["{key}"]', "is no setting of llmtrace.", hint)
                self.meant[f'{where}["{nearest}"]'] = self.problems[-1]

    def take(self, values: dict[str, Any], name: str, where: str, value: object, kind: Kind) -> None:
        if kind.test(value):
            values[name] = tuple(value) if isinstance(value, list) else value
        else:
            self.wrong("E010", where, f"has to be {kind.words}.", _what(value, kind))

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
            self.take(read, model, f'{where}["{model}"]', price, PRICE)
        return read

    def texts(self, where: str, raw: object, kind: Kind = TEXTS) -> tuple[str, ...]:
        values: dict[str, Any] = {}
        if raw is not None:
            self.take(values, "texts", where, raw, kind)
        found: tuple[str, ...] = values.get("texts", ())
        return found

    def section(self, where: str, raw: object, cls: type[Any], kinds: Mapping[str, Kind]) -> Any:
        given, values = self.mapping(where, raw), dict[str, Any]()
        self.known(where, given, frozenset(kinds))
        for key in kinds.keys() & given.keys():
            self.take(values, key.lower(), f'{where}["{key}"]', given[key], kinds[key])
        return cls(**values)

    def backend(
        self, where: str, raw: object, example: str, keys: frozenset[str] = frozenset({"BACKEND", "OPTIONS"})
    ) -> dict[str, Any] | None:
        """The entry as a dict with BACKEND and OPTIONS in order, or None when there is nothing to build."""
        if not isinstance(raw, Mapping):
            self.wrong("E010", where, "has to be a dict.", f"It is a value of type {type(raw).__name__}.")
            return None
        given = dict(raw)
        self.known(where, given, keys)
        path = given.get("BACKEND")
        if not isinstance(path, str) or "." not in path:
            wrong = "has no BACKEND." if path is None else "has a BACKEND that is no dotted path."
            hint = f'Name the class by its dotted path, such as "{example}".'
            self.wrong("E002", where, wrong, hint)
            return None
        given["OPTIONS"] = self.mapping(f'{where}["OPTIONS"]', given.get("OPTIONS"))
        return given

    def filters(self, where: str, raw: object) -> tuple[BackendConfig, ...]:
        """The filters of a list. Where one cannot be read, nobody knows what it was to keep back: nothing passes it."""
        read, before = [], len(self.problems)
        for index, entry in enumerate(self.entries(where, raw)):
            at = f"{where}[{index}]"
            given = self.backend(at, entry, "llmtrace.filters.DropContent")
            if given is not None:
                read.append(BackendConfig(given["BACKEND"], given["OPTIONS"], at))
        within = [problem for problem in self.problems[before:] if problem.where != where]
        return (*read, *_in_place_of(within), *self.unread(where))

    def unread(self, where: str) -> tuple[BackendConfig, ...]:
        """What stands for filters where the value of the key `where` cannot be read, or the key is misspelt."""
        mistakes = [problem for problem in self.problems if problem.where == where]
        return _in_place_of([*mistakes, *filter(None, [self.meant.get(where)])])

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
            given = self.backend(at, entry, OPENAI_BACKEND)
            if given is not None:
                read[str(name)] = BackendConfig(given["BACKEND"], given["OPTIONS"], at)
        if (raw is None or isinstance(raw, Mapping)) and "default" not in (raw or {}):
            hint = 'Calls that name no provider use "default": add it, or name a provider in every call.'
            self.wrong("E007", where, 'has no "default".', hint)
        return read

    def exporters(self, raw: object) -> tuple[ExporterConfig, ...]:
        where, read = f'{ROOT}["EXPORTERS"]', dict[str, ExporterConfig]()
        if raw is None:  # not what somebody means who wants no exporter
            self.wrong("E010", where, "has to be a list.", "It is None. For no exporter, write [].")
        for index, entry in enumerate(self.entries(where, raw)):
            at = f"{where}[{index}]"
            given = self.backend(at, entry, DATABASE_BACKEND, ENTRY_KEYS)
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
        for key in ENTRY.keys() & given.keys():
            self.take(values, key.lower(), f'{at}["{key}"]', given[key], ENTRY[key])
        values["name"] = printable(encodable(values["name"]))  # it stands in log lines, files, rows and terminals
        values["filters"] = self.filters(f'{at}["FILTERS"]', given.get("FILTERS"))
        values["queue"] = self.section(f'{at}["QUEUE"]', given.get("QUEUE"), QueueConfig, QUEUE)
        values["given"] = frozenset(given)
        return ExporterConfig(backend=given["BACKEND"], options=given["OPTIONS"], where=at, **values)


def _in_place_of(problems: Iterable[Problem]) -> tuple[BackendConfig, ...]:
    return tuple(BackendConfig("", {}, problem.where, problem=problem) for problem in problems)


def _nearest(key: str, keys: frozenset[str]) -> str:
    """The key that was meant, whatever its case; none if it is like none."""
    spelled = {known.upper(): known for known in keys}
    close = difflib.get_close_matches(key.upper(), spelled, 1)
    return spelled[close[0]] if close else ""


def _what(value: object, kind: Kind) -> str:
    """What stands there instead. Texts are not shown, numbers are; of a list, the first item that is wrong is told."""
    if isinstance(value, (list, tuple)) and kind in (TEXTS, PATTERNS):
        wrong = next((at for at, item in enumerate(value) if not kind.test([item])), None)
        if wrong is not None:
            return f"The wrong one is [{wrong}]{_unreadable(value[wrong])}."
    if isinstance(value, str) and not value.strip():
        return "It is an empty text, perhaps from an environment variable that is not set."
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < MOST_SHOWN):
        return f"It is {value!r}."
    return f"It is a value of type {type(value).__name__}."


def _unreadable(item: object) -> str:
    """Why an item of a list is not what it has to be."""
    try:
        if isinstance(item, str):
            re.compile(item)
    except re.error as error:
        return f": {error.msg}, at its character {error.pos}"
    except Exception:  # too long, too deep: `re` has no words for that
        pass
    return f", a value of type {type(item).__name__}"
