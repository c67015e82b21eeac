"""Visit pages of the host: ``python -m tests.jobs.site.visit NAME…`` prints each page's name and trace id as JSON."""

from __future__ import annotations

import json
import sys

import django

import tests.jobs.site.celery  # noqa: F401 - shared tasks find their application by it


def visit(names: list[str]) -> dict[str, str]:
    """The trace id of each page."""
    from django.test import Client

    client = Client()
    return {name: client.get(f"/{name}").content.decode() for name in names}


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(visit(sys.argv[1:])))
