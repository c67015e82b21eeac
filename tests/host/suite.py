"""The host's tests, of the kinds that Django and pytest-django know."""

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client, TestCase, TransactionTestCase


class InTransaction(TestCase):
    """Each test is rolled back."""

    @classmethod
    def setUpTestData(cls) -> None:
        User.objects.create(username="reader")

    def test_page(self) -> None:
        with self.assertNumQueries(2):
            assert self.client.get("/").content == b"2"

    def test_page_again(self) -> None:
        assert self.client.get("/").content == b"2"

    def test_on_commit(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            transaction.on_commit(lambda: self.client.get("/"))
        assert User.objects.count() == 2


class Committed(TransactionTestCase):
    """Each test commits, and all tables are emptied after it."""

    def test_page(self) -> None:
        assert self.client.get("/").content == b"1"

    def test_page_in_a_transaction(self) -> None:
        with transaction.atomic():
            assert self.client.get("/").content == b"1"
        assert User.objects.count() == 1


class OthersInTransaction(InTransaction):
    """For another process of a parallel run."""


class OthersCommitted(Committed):
    """For another process of a parallel run."""


@pytest.mark.django_db
def test_with_a_fixture(client: Client) -> None:
    assert client.get("/").content == b"1"


@pytest.mark.django_db(transaction=True)
def test_with_a_transactional_fixture(client: Client) -> None:
    assert client.get("/").content == b"1"
