"""kombu's ``filesystem://``, with messages that appear whole.

kombu 5.7 creates a message's file and then writes into it. A worker that looks in between takes an empty message and
ends with "Unrecoverable error: JSONDecodeError", which happens every few hundred messages on a busy machine.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem


class Channel(filesystem.Channel):
    """Writes under a name that nobody looks for, then renames."""

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        path = os.path.join(self.data_folder_out, f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg")
        with open(f"{path}.part", "w") as file:
            json.dump(payload, file)
        os.replace(f"{path}.part", path)


class Transport(filesystem.Transport):
    """What ``filesystem://`` stands for in the host project."""

    Channel = Channel


def use() -> None:
    """Let ``filesystem://`` mean this."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
