"""What somebody searches for in the admin is part of a URL, which the request's span has: a secret in it is masked."""

from __future__ import annotations

import json
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings

from tests import recorded as recording
from tests.dashboard.conftest import client_of
from tests.filters.leaked import leaked
from tests.filters.secrets import planted
from tests.recorded import Recorded

SAMPLE = 47


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("redact", "every"), [(True, 1), (False, 50)])  # some are enough to show that they are seen
def test_a_secret_that_is_searched_for_is_masked(
    site: str, viewer: User, recorded: Recorded, redact: bool, every: int
) -> None:
    session = client_of(viewer).cookies[settings.SESSION_COOKIE_NAME].value
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}
    searches = [f"{site}/admin/llmtrace/span/?{urlencode({'q': each.text})}" for each in [*planted(SAMPLE)][::every]]
    with override_settings(LLMTRACE=recording.settings(REDACT=redact)):
        for search in searches:
            with urlopen(Request(search, headers=headers), timeout=30) as page:
                assert page.url == search
        told = [json.dumps(dict(span.attributes or {})) for span in recorded.all()]
    assert len(told) == len(searches)
    assert (leaked("\n".join(told), SAMPLE) == set()) is redact
