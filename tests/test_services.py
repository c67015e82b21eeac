"""The services that tests talk to are reached, or their absence is said."""

from __future__ import annotations

import pytest
from django.db import connections

from tests import services


@pytest.fixture
def nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(services.SERVERS, "redis", "redis://127.0.0.1:9/0")
    services._server.cache_clear()


@pytest.mark.usefixtures("nothing_listens")
def test_a_missing_service_skips_with_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLMTRACE_REQUIRE_SERVICES", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"redis does not answer at redis://127\.0\.0\.1:9/0"):
        services.require_or_skip("redis")


@pytest.mark.usefixtures("nothing_listens")
def test_a_missing_service_fails_when_services_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMTRACE_REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match="redis does not answer"):
        services.require_or_skip("redis")


def test_a_fresh_database_takes_queries_on_each_engine(fresh_database: str) -> None:
    with connections[fresh_database].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations")
        assert cursor.fetchone()[0] > 0
