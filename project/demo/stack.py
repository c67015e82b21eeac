"""What the demonstration runs: two databases, the model server, the site and a worker."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from project.demo.children import Children

LOGIN: Final = ("admin", "admin")
READY: Final = 60.0  # seconds that a process may take to begin


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


@dataclass(frozen=True)
class Addresses:
    """Ports of the site and of the model server; None when the real host answers."""

    site_port: int
    models_port: int | None

    @property
    def site(self) -> str:
        """The shop's address without a slash at the end."""
        return f"http://127.0.0.1:{self.site_port}"


def start(children: Children, addresses: Addresses) -> None:
    """Start every process, and return once each of them is ready."""
    if addresses.models_port is not None:
        port = addresses.models_port
        children.start("model server", _python("project.modelserver", "--port", str(port)))
    worker = children.start("worker", _python("celery", *_WORKER))
    children.start("site", _python("uvicorn", *_SITE, "--port", str(addresses.site_port)))
    if addresses.models_port is not None:
        models = f"{settings.MODEL_SERVER}/models"
        children.wait(f"{models} answers", lambda: _answers(models), READY)
    children.wait("the worker says that it is ready", lambda: worker.said(" ready."), READY)
    children.wait(f"{addresses.site} answers", lambda: _answers(f"{addresses.site}/"), READY)


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
        with urlopen(Request(address, headers={"Authorization": "Bearer sk-local"}), timeout=5) as answer:
            return bool(answer.status == 200)
    except HTTPError as error:
        error.close()
        return False
    except (URLError, ConnectionError, TimeoutError):
        return False
