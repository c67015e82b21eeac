"""Jobs that are sent on commit: related to the span that asked for it, wherever the commit comes."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import transaction
from opentelemetry.trace import Tracer

from tests.jobs.apps import Jobs
from tests.recorded import Recorded, is_below

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_job_sent_within_the_span_that_asked_for_it_is_below_that(
    jobs: Jobs, recorded: Recorded, host: Tracer
) -> None:
    with host.start_as_current_span("checkout"), transaction.atomic():
        transaction.on_commit(partial(jobs.app.send_task, "shop.summary"))
    publish = recorded.one("publish shop.summary")
    assert is_below(publish, recorded.one("checkout"))
    assert publish.links == ()


def test_a_job_sent_after_that_span_has_ended_is_below_the_request_with_a_link(
    jobs: Jobs, recorded: Recorded, host: Tracer
) -> None:
    with host.start_as_current_span("request"), transaction.atomic(), host.start_as_current_span("checkout"):
        transaction.on_commit(partial(jobs.app.send_task, "shop.summary"))
    publish = recorded.one("publish shop.summary")
    assert is_below(publish, recorded.one("request"))
    assert [link.context for link in publish.links] == [recorded.one("checkout").context]


def test_a_job_sent_outside_of_every_span_is_below_the_one_that_asked_for_it(
    jobs: Jobs, recorded: Recorded, host: Tracer
) -> None:
    with transaction.atomic(), host.start_as_current_span("checkout"):
        transaction.on_commit(partial(jobs.app.send_task, "shop.summary"))
    assert is_below(recorded.one("publish shop.summary"), recorded.one("checkout"))


def test_what_is_registered_looks_as_it_did_to_the_host(host: Tracer) -> None:
    def notify() -> None:
        """Tell somebody."""

    with transaction.atomic(), host.start_as_current_span("checkout"):
        transaction.on_commit(notify)
        ((_, registered, _),) = transaction.get_connection().run_on_commit
        assert registered == notify
        assert registered.__qualname__ == notify.__qualname__


def test_a_function_that_raises_does_so_unchanged(host: Tracer) -> None:
    error = LookupError("gone")

    def fail() -> None:
        raise error

    with pytest.raises(LookupError) as caught, transaction.atomic(), host.start_as_current_span("checkout"):
        transaction.on_commit(fail)
    assert caught.value is error
