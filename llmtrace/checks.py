"""System checks: one documented id for each mistake that a person can make in the settings.

They import what the project's settings name, but no SDK of a provider, make no object of it, and open nothing. What is
left to its default needs no check, and is not imported by one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning
from django.db import connections, router

from llmtrace.backends import find
from llmtrace.conf import DATABASE_BACKEND, ROOT, Config, ExporterConfig, Problem, get_config

DATABASE: Final = f'{ROOT}["DATABASE"]'


def check_settings(**_: Any) -> list[CheckMessage]:
    """What is wrong with ``LLMTRACE``, as Django shows it."""
    return [as_message(problem) for problem in problems(get_config())]


def check_deployment(**_: Any) -> list[CheckMessage]:
    """What is wrong with ``LLMTRACE`` for a site that people use: part of ``manage.py check --deploy``."""
    return [as_message(problem) for problem in deployment_problems(get_config())]


def as_message(problem: Problem) -> CheckMessage:
    """A problem as Django shows it: an error, or a warning where its id says so."""
    kind = Warning if problem.is_warning else Error
    return kind(f"{problem.where} {problem.message}", hint=problem.hint, id=problem.id)


def problems(config: Config) -> Iterator[Problem]:
    """All problems that can be found without making anything."""
    yield from silent_problems(config)
    yield from path_problems(config)
    yield from queue_problems(config)


def silent_problems(config: Config) -> Iterator[Problem]:
    """Those that a process would not tell of when it meets them: it does without, or the call is the one to fail."""
    yield from config.problems
    if config.given & {"EXPORTERS", "FILTERS", "REDACT"}:
        from llmtrace.pipeline.build import backend_problems

        yield from backend_problems(config)
    if "PROVIDERS" in config.given:
        from llmtrace.providers.registry import load_provider

        for provider in config.providers.values():
            found = load_provider(provider)
            if isinstance(found, Problem):
                yield found
    yield from database_problems(config, connections.settings)


def queue_problems(config: Config) -> Iterator[Problem]:
    """Problems of what waits for exporters, in memory and on disk."""
    for exporter in config.exporters:
        if "QUEUE" not in exporter.given:
            continue
        where = f'{exporter.where}["QUEUE"]'
        if _is_processor(exporter):
            message = "is without effect: a span processor has no queue, and is called where a span begins and ends."
            hint = "Take it away; or name in BACKEND, in place of the processor, the exporter that it sends with."
            yield Problem("llmtrace.W013", where, message, hint)
        elif exporter.queue.durable and not exporter.queue.spool:
            hint = 'Take "spool": False away: a durable queue is one on disk.'
            yield Problem("llmtrace.W012", f'{where}["durable"]', 'is without effect beside "spool": False.', hint)


def _is_processor(exporter: ExporterConfig) -> bool:
    from llmtrace.pipeline.build import is_processor, load_exporter

    return is_processor(load_exporter(exporter))


def deployment_problems(config: Config) -> Iterator[Problem]:
    """Problems that matter where the site is deployed."""
    if not config.enabled:
        return
    directory, where = config.spool.directory, f'{ROOT}["SPOOL"]["DIRECTORY"]'
    spooling = [exporter for exporter in config.exporters if exporter.queue.spool]
    if not spooling or (directory is not None and os.path.isabs(directory)):
        return
    if "EXPORTERS" in config.given and all(map(_is_processor, spooling)):
        return
    if directory is not None:
        yield Problem(
            "llmtrace.W011",
            where,
            "is a relative path: a process that is started elsewhere has another folder, and finds nothing in it.",
            "Write the whole path.",
        )
    else:
        yield Problem(
            "llmtrace.W011",
            where,
            "is not set: spans that cannot be sent wait in the temporary directory, which may be emptied at any time.",
            "Name a folder that outlives restarts, and that all processes of the site on this machine can write.",
        )


def path_problems(config: Config) -> Iterator[Problem]:
    """Problems of dotted paths that stand alone."""
    if config.tracer_provider is not None:
        kind = "a tracer provider, or a function that makes one"
        where = f'{ROOT}["TRACER_PROVIDER"]'
        found = find(config.tracer_provider, where, lambda it: hasattr(it, "get_tracer") or callable(it), kind)
        if isinstance(found, Problem):
            yield found
    for index, path in enumerate(config.instrumentors):
        where = f'{ROOT}["INSTRUMENTORS"][{index}]'
        found = find(path, where, lambda it: callable(getattr(it, "instrument", None)), "an OpenTelemetry instrumentor")
        if isinstance(found, Problem):
            yield found


def database_problems(config: Config, databases: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Problems of the database that spans are kept in.

    Args:
        config: the settings.
        databases: ``DATABASES`` as Django has completed it.
    """
    if config.database not in databases:
        hint = f"There is {', '.join(sorted(databases))}."
        yield Problem("llmtrace.E008", DATABASE, f'names "{config.database}", which is not in DATABASES.', hint)
    for alias, where in stores(config).items():
        if alias not in databases:
            if where != DATABASE:
                hint = f"There is {', '.join(sorted(databases))}."
                yield Problem("llmtrace.E008", where, "names no database of DATABASES.", hint)
            continue
        if not _may_have_tables(alias):
            yield Problem(
                "llmtrace.W014",
                where,
                f'has spans written to DATABASES["{alias}"], where DATABASE_ROUTERS lets no table of llmtrace be made.',
                'Put "llmtrace.routers.LLMTraceRouter" first in DATABASE_ROUTERS. Where "migrate" has run already, it '
                f'takes the tables for made: run "migrate llmtrace zero --fake --database {alias}" and then '
                f'"migrate llmtrace --database {alias}".',
            )
        for host in deferred_neighbours(alias, databases):
            hint = (
                f'Set DATABASES["{host}"]["OPTIONS"]["transaction_mode"] to "IMMEDIATE", or give the spans a file of '
                'their own: another alias, named in LLMTRACE["DATABASE"] and made by "migrate llmtrace --database …", '
                'and "llmtrace.routers.LLMTraceRouter" in DATABASE_ROUTERS.'
            )
            message = (
                f'has spans written to the SQLite file of DATABASES["{host}"], whose transactions are not IMMEDIATE: '
                'one that reads before it writes fails with "database is locked" if spans are written in between.'
            )
            yield Problem("llmtrace.W009", where, message, hint)


def stores(config: Config) -> dict[str, str]:
    """The aliases that spans are written to, each with the setting that names it."""
    found = {}
    for exporter in config.exporters if config.enabled else ():
        if exporter.backend == DATABASE_BACKEND:
            alias = exporter.options.get("alias")
            where = DATABASE if alias is None else f'{exporter.where}["OPTIONS"]["alias"]'
            found[config.database if alias is None else str(alias)] = where
    return found


def deferred_neighbours(alias: str, databases: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The host's aliases for the SQLite file behind `alias` whose transactions take the lock only when they write."""
    file = sqlite_file(databases[alias])
    if file is None:
        return []
    hosts = [
        name for name in databases if (name != alias or name == "default") and sqlite_file(databases[name]) == file
    ]
    return [name for name in hosts if not _locks_at_once(databases[name])]


def _may_have_tables(alias: str) -> bool:
    """What ``migrate`` would be told of our tables there."""
    if alias not in connections.settings or not apps.is_installed("llmtrace"):
        return True
    try:
        return bool(router.allow_migrate_model(alias, apps.get_model("llmtrace", "Span")))
    except Exception:  # a router of the host's raises, or cannot be imported: "migrate" says so itself
        return True


def sqlite_file(database: Mapping[str, Any]) -> str | None:
    """The path of an SQLite database; None for other engines and for databases in memory."""
    engine, name = database.get("ENGINE", ""), str(database.get("NAME") or ":memory:")
    if "sqlite" not in engine and "spatialite" not in engine:
        return None
    return None if ":memory:" in name or "mode=memory" in name else os.path.realpath(name)


def _locks_at_once(database: Mapping[str, Any]) -> bool:
    mode = str((database.get("OPTIONS") or {}).get("transaction_mode", ""))
    return mode.upper() in ("IMMEDIATE", "EXCLUSIVE")
