"""What is whole in a row of records is found again, whatever has happened to the rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmtrace.pipeline.frames import MARKER, SIZE, framed, frames

RECORDS = st.lists(st.text(max_size=30).map(str.encode), min_size=1, max_size=6)


def row(records: list[bytes]) -> list[bytes]:
    return [framed(record, number, 1000 + number, number % 2) for number, record in enumerate(records)]


@given(records=RECORDS)
def test_records_come_back_in_order(records: list[bytes]) -> None:
    found = list(frames(b"".join(row(records))))
    assert [frame.record for frame in found] == records
    assert [frame.number for frame in found] == list(range(len(records)))
    assert [(frame.written_at - 1000, frame.group) for frame in found] == [(n, n % 2) for n in range(len(records))]


@given(records=RECORDS, data=st.data())
def test_a_record_that_is_cut_off_at_the_end_is_told_from_a_damaged_one(
    records: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(row(records))
    last = len(row(records)[-1])
    cut = data.draw(st.integers(1, last - 1))
    *before, end = list(frames(whole[:-cut]))
    assert [frame.record for frame in before] == records[:-1]
    assert (end.record, end.cut_off, end.end) == (None, True, len(whole) - cut)


@given(records=RECORDS, data=st.data())
def test_a_byte_that_has_changed_costs_one_record(records: list[bytes], data: st.DataObject) -> None:
    parts = row(records)
    hit = data.draw(st.integers(0, len(parts) - 1))
    at = data.draw(st.integers(0, len(parts[hit]) - 1))
    broken = bytearray(parts[hit])
    broken[at] ^= data.draw(st.integers(1, 255))
    parts[hit] = bytes(broken)
    found = list(frames(b"".join(parts)))
    assert [frame.record for frame in found if frame.record is not None] == records[:hit] + records[hit + 1 :]
    assert any(frame.record is None for frame in found)


@given(data=st.binary(max_size=200), markers=st.lists(st.integers(0, 200), max_size=4))
def test_any_bytes_are_read_to_their_end(data: bytes, markers: list[int]) -> None:
    for at in markers:
        data = data[:at] + MARKER + data[at:]
    ends = [frame.end for frame in frames(data)]
    assert ends == sorted(set(ends))
    assert (ends[-1] if ends else 0) == len(data)
    assert len(MARKER) < SIZE
