"""Records in a row of bytes, such that what is whole is found again whatever has happened to the rest. Pure.

A frame is a marker, a header and a record. The marker is not valid UTF-8, so that no record holds it: where bytes are
damaged, reading goes on at the next one. Numbers tell how many records are missing in between.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import crc32

MARKER: Final = b"\xff\xfe\xfd\xfc"
_HEADER: Final = struct.Struct(">IIII")  # number of the record, second of its writing since 1970, group, length
_CHECK: Final = struct.Struct(">I")  # CRC-32 of the header and the record
SIZE: Final = len(MARKER) + _HEADER.size + _CHECK.size


class Frame(NamedTuple):
    """A record that was found, or a damaged stretch, which has none."""

    end: int  # where it ends
    record: bytes | None
    number: int = 0
    written_at: int = 0  # seconds since 1970
    group: int = 0
    cut_off: bool = False  # a record at the end that is not there to its end


def framed(record: bytes, number: int, now: int, group: int = 0) -> bytes:
    """A frame.

    Args:
        record: JSON, or any other text in UTF-8.
        number: of this record in its row.
        now: seconds since 1970.
        group: a number of 32 bits; who reads can tell records of one group from others without a look into them.
    """
    header = _HEADER.pack(number & 0xFFFFFFFF, now & 0xFFFFFFFF, group, len(record))
    return b"".join((MARKER, header, _CHECK.pack(crc32(record, crc32(header))), record))


def frames(data: bytes) -> Iterator[Frame]:
    """All frames of `data` in order."""
    at = 0
    while at < len(data):
        frame = _whole(data, at) or _damaged(data, at)
        yield frame
        at = frame.end


def _whole(data: bytes, at: int) -> Frame | None:
    start = at + SIZE
    if len(data) < start or not data.startswith(MARKER, at):
        return None
    header = data[at + len(MARKER) : start - _CHECK.size]
    number, written_at, group, length = _HEADER.unpack(header)
    record = data[start : start + length]
    (check,) = _CHECK.unpack_from(data, start - _CHECK.size)
    if len(record) != length or crc32(record, crc32(header)) != check:
        return None
    return Frame(start + length, record, number, written_at, group)


def _damaged(data: bytes, at: int) -> Frame:
    following = data.find(MARKER, at + 1)
    if following >= 0:
        return Frame(following, None)
    header = data[at + len(MARKER) : at + len(MARKER) + _HEADER.size]
    begun = MARKER.startswith(data[at : at + len(MARKER)])
    if len(header) < _HEADER.size:
        return Frame(len(data), None, cut_off=begun)
    return Frame(len(data), None, cut_off=begun and at + SIZE + _HEADER.unpack(header)[-1] > len(data))
