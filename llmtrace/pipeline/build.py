"""Pipes from the settings: what each entry of ``EXPORTERS`` names becomes one; what is wrong with it is logged."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.utils.module_loading import import_string
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter

from llmtrace.backends import load
from llmtrace.conf import ROOT, BackendConfig, Config, ExporterConfig, Problem
from llmtrace.conf.telling import log_errors
from llmtrace.exceptions import ConfigurationError
from llmtrace.masking import get_logger
from llmtrace.mistakes import tell
from llmtrace.pipeline.direct import DirectPipe
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.filtering import Filter, Filters
from llmtrace.pipeline.folder import spool_folder
from llmtrace.pipeline.older import with_older_names
from llmtrace.pipeline.outcome import Moving
from llmtrace.pipeline.pipe import Pipe
from llmtrace.pipeline.reloader import durable, is_reloaded
from llmtrace.pipeline.testrun import exporters
from llmtrace.pipeline.unmade import UnmadePipe

logger = get_logger("llmtrace")

REDACT_BACKEND: Final = "llmtrace.filters.Redact"
PROBLEMS: Final = "llmtrace.checks.silent_problems"
LIMIT_BACKEND: Final = "llmtrace.filters.limit.LimitContent"

AnyPipe = Pipe | DirectPipe


def is_exporter(found: Any) -> bool:
    """Whether `found` is a class of span exporters or span processors."""
    if not inspect.isclass(found):
        return False
    duck = callable(getattr(found, "export", None)) and callable(getattr(found, "shutdown", None))
    return issubclass(found, (SpanExporter, SpanProcessor)) or duck


def is_processor(found: Any) -> bool:
    """Whether `found` is a class of span processors: they have no queue."""
    return inspect.isclass(found) and issubclass(found, SpanProcessor)


def is_filter(found: Any) -> bool:
    """Whether `found` is a class whose objects can be called with a span, or a function."""
    return callable(found) and (not inspect.isclass(found) or any("__call__" in vars(base) for base in found.__mro__))


def load_exporter(config: BackendConfig) -> Any | Problem:
    """The class of an entry of ``EXPORTERS``, or what is wrong with it."""
    return load(config, is_exporter, "a class of span exporters or span processors")


def load_filter(config: BackendConfig) -> Any | Problem:
    """The class or function of an entry of ``FILTERS``, or what is wrong with it."""
    return config.problem or load(config, is_filter, "a class of filters, or a function from span to span")


def redact_config(config: Config) -> BackendConfig | None:
    """The entry that ``REDACT`` stands for, None where it is off."""
    if config.redact is False:
        return None
    options = {} if config.redact is True else dict(config.redact)
    return BackendConfig(REDACT_BACKEND, options, f'{ROOT}["REDACT"]')


def limit_config(config: Config) -> BackendConfig:
    """The entry that ``MAX_CONTENT`` stands for."""
    return BackendConfig(LIMIT_BACKEND, {"length": config.max_content}, f'{ROOT}["MAX_CONTENT"]')


def backend_problems(config: Config) -> Iterable[Problem]:
    """Problems of classes and options that the project has named, found without making any object."""
    for exporter in config.exporters if "EXPORTERS" in config.given else ():
        yield from _problems(load_exporter(exporter))
        yield from _filter_problems(exporter.filters)
    redact = redact_config(config)
    if redact is not None and "REDACT" in config.given:
        for problem in _problems(load_filter(redact)):
            yield replace(problem, where=redact.where)  # whose options stand in it, without OPTIONS
    yield from _filter_problems(config.filters)


def _filter_problems(entries: Iterable[BackendConfig]) -> Iterable[Problem]:
    for each in entries:
        if each.problem is None:  # else it is told of where the entry was read
            yield from _problems(load_filter(each))


def _problems(found: Any) -> Iterable[Problem]:
    if isinstance(found, Problem):
        yield found


def build(config: Config) -> tuple[AnyPipe, ...]:
    """A pipe for each entry that can be read; all that is wrong with the settings is logged, one line each.

    Where nothing is recorded that was told when Django started.
    """
    if config.enabled:
        _log_problems(config)
    entries = exporters(config)
    if not entries:
        return ()
    common = common_filters(config)
    folder = spool_folder() if any(entry.queue.spool for entry in entries) else None
    make = partial(_pipe, common=common, folder=folder, max_bytes=config.spool.max_bytes)
    return tuple(make(entry) for entry in entries)


def common_filters(config: Config) -> list[Filter] | None:
    """The filters for every exporter, in order; None when one can't be made."""
    return _filters([*filter(None, [redact_config(config)]), limit_config(config), *config.filters])


def redact_filters(config: Config) -> list[Filter] | None:
    """What ``REDACT`` stands for, which comes before all other filters; None when what it masks cannot be known."""
    unread = [each for each in config.filters if each.problem is not None]
    return _filters([*filter(None, [redact_config(config)]), *unread])


def filters_of(entry: ExporterConfig, found: Any, common: list[Filter] | None) -> Filters | None:
    """All that a span passes on its way to one exporter; None when a filter can't be made.

    Args:
        entry: the entry of ``EXPORTERS``.
        found: its class, which says in `default_semconv` and `dialects` what its backend reads.
        common: what `common_filters` has made.
    """
    own = _filters(entry.filters)
    if common is None or own is None:
        return None
    if (entry.semconv or getattr(found, "default_semconv", "latest")) == "latest":
        return Filters(common, own)
    return Filters(common, [*own, partial(with_older_names, dialects=getattr(found, "dialects", ()))])


def _log_problems(config: Config) -> None:
    """Tell of the errors that the system checks tell of."""
    try:
        log_errors(logger, import_string(PROBLEMS)(config))
    except Exception:
        tell(logger, "The settings could not be checked.")


def _pipe(entry: ExporterConfig, common: list[Filter] | None, folder: Path | None, max_bytes: int) -> AnyPipe:
    found = load_exporter(entry)
    filters = filters_of(entry, found, common)
    llm = (entry.spans or getattr(found, "default_spans", "all")) == "llm"
    if isinstance(found, Problem) or filters is None:
        return UnmadePipe(entry, llm)
    make = partial(_make, found, entry)
    try:
        if is_processor(found):
            return DirectPipe(entry, make, filters, llm)
        structured = getattr(found, "structured_content", False)
        pipe = Pipe(durable(entry) if is_reloaded() else entry, make, filters, llm, structured, folder, max_bytes)
        if callable(getattr(found, "destination", None)):
            exporter = make()
            if isinstance(exporter, Moving):
                pipe.watch_destination(exporter)
        return pipe
    except Exception as error:
        logger.error("%s could not be made: %s", entry.where, why_not_made(error))
        return UnmadePipe(entry, llm)


def why_not_made(error: Exception) -> str:
    """The words for what making an exporter has raised: what classes of others say may hold one of their options."""
    return str(error) if isinstance(error, ConfigurationError) else type(error).__qualname__


def _make(found: Callable[..., Any], entry: BackendConfig) -> Any:
    return found(**entry.options)


class _Function(partial[EndedSpan | None]):
    """A filter that is a function, with its options: they may be secrets, and are not in its `repr` for error pages."""

    __repr__ = object.__repr__


def _filters(entries: Iterable[BackendConfig]) -> list[Filter] | None:
    """The filters in order, or None when one can't be made: then nothing may pass unfiltered."""
    filters: list[Filter] = []
    for entry in entries:
        found = load_filter(entry)
        if isinstance(found, Problem):
            return None
        try:
            made: Any = found(**entry.options) if inspect.isclass(found) else _Function(found, **entry.options)
            filters.append(made)
        except Exception as error:
            logger.error(
                "%s could not be made: %s. Nothing is exported without it.", entry.where, type(error).__qualname__
            )
            return None
    return filters
