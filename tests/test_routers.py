"""The router sends llmtrace's tables to the store's database and touches nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connections, router
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from llmtrace.models import Span, SpanContent
from tests.databases import new_database


@pytest.fixture(autouse=True)
def routed() -> object:
    with override_settings(
        DATABASE_ROUTERS=["llmtrace.routers.LLMTraceRouter"], LLMTRACE={"DATABASE": "llmtrace", "EXPORTERS": []}
    ):
        yield


def test_our_models_go_to_the_stores_database() -> None:
    assert router.db_for_read(Span) == router.db_for_write(SpanContent) == "llmtrace"
    assert router.db_for_read(User) == router.db_for_write(User) == "default"


def test_our_tables_are_made_there_alone() -> None:
    assert router.allow_migrate_model("llmtrace", Span)
    assert not router.allow_migrate_model("default", Span)
    assert router.allow_migrate_model("default", User)


def test_our_tables_are_made_where_further_exporters_write() -> None:
    entries = [{"BACKEND": "llmtrace.exporters.Database", "OPTIONS": {"alias": "default"}}]
    with override_settings(LLMTRACE={"DATABASE": "llmtrace", "EXPORTERS": entries}):
        assert router.allow_migrate_model("default", Span)
        assert router.allow_migrate_model("llmtrace", Span)
        assert router.db_for_read(Span) == "llmtrace"


def test_our_rows_relate_to_one_another_only() -> None:
    assert router.allow_relation(Span(), SpanContent())
    assert not router.allow_relation(Span(), User())
    assert router.allow_relation(User(), Permission())


def test_migrating_the_stores_database_alone_makes_our_tables_alone(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), new_database("sqlite", tmp_path, migrate=False) as alias:
        with override_settings(LLMTRACE={"DATABASE": alias, "EXPORTERS": []}):
            call_command("migrate", "llmtrace", database=alias, verbosity=0)
        tables = set(connections[alias].introspection.table_names())
        ours = {model._meta.db_table for model in apps.get_app_config("llmtrace").get_models()}
        assert "llmtrace_span" in ours
        assert tables - {"django_migrations", "sqlite_sequence"} == ours
