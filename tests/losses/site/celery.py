"""The host's Celery application and its one job, which counts itself."""

from __future__ import annotations

import os

from celery import Celery

from tests.losses.site.pages import calls
from tests.losses.site.settings import FOLDER

app = Celery("losses")
app.config_from_object("django.conf:settings", namespace="CELERY")


@app.task(name="tick")
def tick() -> None:
    """Call a model, then add one byte to a file, which the operating system appends whole."""
    calls(2)
    with open(FOLDER / "ticks", "ab") as counted:
        os.write(counted.fileno(), b".")
