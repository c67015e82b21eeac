"""Visit pages of the host: ``python -m tests.jobs.site.visit`` reads names by the line and prints trace ids."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys

import django

import tests.jobs.site.celery  # noqa: F401 - shared tasks find their application by it


def visit(names: list[str]) -> dict[str, str]:
    """The trace id of each page."""
    return {name: _get(name) for name in names}


def _get(name: str) -> str:
    from django.test import AsyncClient, Client

    from tests.jobs.site.views import PAGES

    if not inspect.iscoroutinefunction(PAGES[name]):
        return Client().get(f"/{name}").content.decode()

    async def get() -> str:
        return (await AsyncClient().get(f"/{name}")).content.decode()

    return asyncio.run(get())


if __name__ == "__main__":
    django.setup()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(visit(line.split())) + "\n")
        sys.stdout.flush()
