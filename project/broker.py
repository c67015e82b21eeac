"""kombu's folder transport, with messages that appear in the folder whole.

kombu opens a message's file under its own name and writes it then. A worker that looks in between reads an empty
message, and ends with the JSON decoder's error (https://github.com/celery/kombu/issues/1551).
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Writes under a name that nobody looks for, and renames: that is one step for who looks."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]  # as kombu has it, not its stubs
        folder = Path(self.data_folder_out)
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        unfinished = folder / f".{name}"
        unfinished.write_text(dumps(payload))
        unfinished.rename(folder / name)


class Transport(filesystem.Transport):
    """`CELERY_BROKER_TRANSPORT` names it; the broker's URL stays ``filesystem://``."""

    Channel = Channel
