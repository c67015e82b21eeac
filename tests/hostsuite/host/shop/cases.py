"""The host's tests, for Django's own runner and for pytest-django."""

from __future__ import annotations

import os
from typing import Any
from unittest import skipUnless

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import AsyncClient, TestCase, TransactionTestCase, tag

from tests.hostsuite.host.shop.models import Order

TRACED = apps.is_installed("llmtrace")


class Visiting:
    """Visits of a reader who is logged in."""

    client: Any

    def setUp(self) -> None:
        self.reader = get_user_model().objects.create_user("reader")
        self.client.force_login(self.reader)

    def test_orders_are_kept(self) -> None:
        for number in range(8):
            self.client.post("/orders/", {"title": f"book {number}"})
        assert len(self.client.get("/orders/").json()["orders"]) == 8

    def test_orders_are_listed_as_they_are_read(self) -> None:
        Order.objects.bulk_create(Order(title=f"book {number}", buyer=self.reader) for number in range(8))
        assert self.client.get("/export/").getvalue().count(b"\n") == 8

    def test_who_is_not_logged_in_sees_nothing(self) -> None:
        self.client.logout()
        assert self.client.get("/orders/").status_code == 403

    def test_a_transaction_that_fails_leaves_nothing(self) -> None:
        try:
            with transaction.atomic():
                self.client.post("/orders/", {"title": "lost"})
                raise LookupError
        except LookupError:
            pass
        assert Order.objects.count() == 0

    @tag("calls")
    @skipUnless(TRACED, "needs llmtrace")
    def test_a_model_is_asked_and_no_span_is_kept(self) -> None:
        from llmtrace.models import Span
        from llmtrace.tracing.setup import flush

        assert self.client.get("/advice/").status_code == 200
        assert flush()
        assert Span.objects.count() == 0


class RolledBack(Visiting, TestCase):
    """In a transaction that is rolled back."""

    async def test_orders_are_counted(self) -> None:
        assert (await AsyncClient().get("/count/")).json() == {"count": 0}


class Committed(Visiting, TransactionTestCase):
    """With transactions of their own, after which the tables are emptied."""

    available_apps = None

    def test_the_connection_is_the_hosts_alone(self) -> None:
        self.client.get("/orders/")
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
                assert cursor.fetchone()[0] == 1


for _number in range(int(os.environ.get("HOST_CLASSES", "12"))):  # enough of them that `--parallel` spreads them
    globals()[f"RolledBack{_number}"] = type(f"RolledBack{_number}", (Visiting, TestCase), {"__module__": __name__})
for _number in range(2):
    globals()[f"Committed{_number}"] = type(
        f"Committed{_number}", (Visiting, TransactionTestCase), {"__module__": __name__}
    )
