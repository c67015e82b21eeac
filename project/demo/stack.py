"""What the demonstration runs: two databases, the model server, the site and a worker."""

from __future__ import annotations

import os
import re
import sys
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from django.contrib.auth import get_user_model
from django.core.management import call_command

from project.demo.children import Children

LOGIN: Final = ("admin", "admin")
READY: Final = 60.0  # seconds that a process may take to begin
MODELS_AT: Final = re.compile(r"Models at (\S+),")


def prepare() -> None:
    """Check the settings, make the tables, fill the shelf, and let admin/admin in."""
    call_command("check", databases=["default", "llmtrace"], verbosity=0)
    for alias in ("default", "llmtrace"):
        call_command("migrate", database=alias, verbosity=0)
    call_command("seed")
    name, password = LOGIN
    users = get_user_model().objects
    user, _ = users.get_or_create(username=name, defaults={"is_staff": True, "is_superuser": True})
    if not user.check_password(password):
        user.set_password(password)
        user.save()


def start_models(children: Children) -> None:
    """Start the model server on a free port of its own choice, and tell all who are started later where it is."""
    models = children.start("models", _python("project.modelserver", "--port", "0"))
    children.wait("the model server says where it is", lambda: bool(MODELS_AT.search(models.log.read_text())), READY)
    found = MODELS_AT.search(models.log.read_text())
    assert found is not None
    os.environ["MODEL_SERVER"] = found[1]


def start_site(children: Children, port: int) -> str:
    """Start worker and site; the site's address, without a slash at its end, once both are ready."""
    address = f"http://127.0.0.1:{port}"
    worker = children.start("worker", _python("celery", *_WORKER))
    children.start("site", _python("uvicorn", *_SITE, "--port", str(port)))
    children.wait("the worker says that it is ready", lambda: worker.said(" ready."), READY)
    children.wait(f"{address} answers", lambda: _answers(f"{address}/"), READY)
    return address


_WORKER: Final = (
    *("--app", "project.celery", "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "INFO"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),  # one worker has nobody to talk to
)
_SITE: Final = (
    *("project.asgi:application", "--host", "127.0.0.1", "--log-level", "warning"),
    *("--timeout-graceful-shutdown", "5"),
)


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except HTTPError as error:
        error.close()
        return False
    except (URLError, ConnectionError, TimeoutError):
        return False
