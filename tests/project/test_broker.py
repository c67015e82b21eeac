"""The folder that carries messages: each is read once and whole, however many write at the same time."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

from tests.services import ROOT

WRITERS = 2
EACH = 400
WRITE = """
import sys
from kombu import Connection
folder, writer, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder + "-exchanges"}
with Connection("filesystem://", transport="project.broker:Transport", transport_options=options) as connection:
    channel = connection.default_channel
    for number in range(count):
        channel._put("celery", {"id": [writer, number], "body": "x" * 2000})
"""


@pytest.mark.slow
def test_every_message_is_read_once_and_whole(tmp_path: Path) -> None:
    folder = tmp_path / "messages"
    folder.mkdir()
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, str(folder), str(writer), str(EACH)], cwd=ROOT)
        for writer in range(WRITERS)
    ]
    options = {"data_folder_in": str(folder), "data_folder_out": str(folder), "control_folder": f"{folder}-exchanges"}
    read: list[tuple[int, int]] = []
    deadline = time.monotonic() + 50
    with Connection("filesystem://", transport="project.broker:Transport", transport_options=options) as connection:
        channel: Any = connection.default_channel
        while len(read) < WRITERS * EACH:
            assert time.monotonic() < deadline, len(read)
            try:
                read.append(tuple(channel._get("celery")["id"]))
            except Empty:
                continue
    assert [writer.wait(10) for writer in writers] == [0] * WRITERS
    assert sorted(read) == [(writer, number) for writer in range(WRITERS) for number in range(EACH)]
    assert list(folder.iterdir()) == []
