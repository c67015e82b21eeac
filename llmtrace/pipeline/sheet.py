"""An account as it lies in memory, in a file that is mapped there, or in a copy of one: fixed places for everything.

To count is to store one number, so that what was counted is there when the process is killed in the next moment.

That spans have left the disk is written in two places, here and in the file that they were in, and the process may be
killed in between. So the numbers that will hold are noted first, with the offset up to which the file will be settled
(`leaving`): by the file everybody can see whether they do (`resolve`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from llmtrace.pipeline.account import DIED, Account

SIZE: Final = 8192
SIGN: Final = int.from_bytes(b"llmtrac1", "little")
MOST_REASONS: Final = 47
OTHERS: Final = "other reasons"

# Places of numbers, of 8 bytes each. `ENDED` comes behind the others: who copies a file from its begin while spans are
# counted in it then sees none as sent that has not ended.
SIGNED, SENT, SPOOLED, FAILED_CLOSED, ERROR_AT, REASONS, LEFT, SENT_FROM_DISK = range(8)
"""`SENT` are those from memory, `SPOOLED` all that have ever gone to disk, and `LEFT` all that have left it."""
NEXT_LEFT, NEXT_SENT_FROM_DISK, NEXT_END = 8, 9, 10
"""What the two will be when the file of the spool is settled up to an offset; that is 0 while there is no such file."""
FIRST_REASON: Final = 16
ENDED: Final = 63
# Places of texts, in bytes.
NAME: Final = slice(512, 767)  # no more than the table of ledgers takes
ERROR: Final = slice(768, 2048)
FIRST_WORD: Final = 2048
WORD: Final = 128
NEXT_FILE: Final = slice(FIRST_WORD + MOST_REASONS * WORD, SIZE)


class Sheet:
    """Numbers and texts of one account, in a buffer of `SIZE` bytes that can be written.

    Not for two threads at once.
    """

    __slots__ = ("_bytes", "_places", "numbers")

    def __init__(self, buffer: memoryview) -> None:
        self._bytes = buffer
        self.numbers = buffer.cast("q")
        self._places = {self._text(self._word(number)): number for number in range(self._known())}

    @classmethod
    def new(cls, exporter: str, buffer: memoryview | None = None) -> Sheet:
        """An empty one, in `buffer`, which holds zeros, or in memory of its own."""
        sheet = cls(memoryview(bytearray(SIZE)) if buffer is None else buffer)
        sheet._write(NAME, exporter)
        sheet.numbers[SIGNED] = SIGN
        return sheet

    @property
    def is_whole(self) -> bool:
        """Whether it was written by `new`, to its end."""
        return self.numbers[SIGNED] == SIGN

    @property
    def exporter(self) -> str:
        return self._text(NAME)

    def dropped(self, reason: str, count: int) -> None:
        """Count spans under their reason; those beyond the first `MOST_REASONS` reasons go under one name."""
        place = self._places.get(reason)
        if place is None:
            place = self._place(reason)
        self.numbers[FIRST_REASON + place] += count

    def _place(self, reason: str) -> int:
        reason = reason.encode(errors="replace")[:WORD].decode(errors="ignore")
        if reason not in self._places:
            reason = reason if len(self._places) < MOST_REASONS - 1 else OTHERS
        if reason not in self._places:
            place = len(self._places)
            self._write(self._word(place), reason)
            self._places[reason] = place
            self.numbers[REASONS] = place + 1
        return self._places[reason]

    def leaving(self, count: int, sent: int, file: str, end: int) -> None:
        """Note that `count` spans, `sent` of which were sent, have left the disk once `file` is settled up to `end`."""
        numbers = self.numbers
        numbers[NEXT_LEFT] = numbers[LEFT] + count
        numbers[NEXT_SENT_FROM_DISK] = numbers[SENT_FROM_DISK] + sent
        self._write(NEXT_FILE, file)
        numbers[NEXT_END] = end  # last: from now on it is noted

    def left(self, count: int, sent: int) -> None:
        """Count what was noted: `file` is settled up to `end`."""
        self.numbers[LEFT] += count
        self.numbers[SENT_FROM_DISK] += sent
        self.numbers[NEXT_END] = 0

    @property
    def is_leaving(self) -> bool:
        """Whether something is noted that may be counted or not."""
        return self.numbers[NEXT_END] != 0

    def resolve(self, settled: Callable[[str], int | None]) -> None:
        """Count what was noted, if it holds.

        Args:
            settled: up to which offset a file is settled; None when it has gone, since all in it was.
        """
        numbers = self.numbers
        end = numbers[NEXT_END]
        if end:
            up_to = settled(self._text(NEXT_FILE))
            if up_to is None or up_to >= end:
                numbers[LEFT] = numbers[NEXT_LEFT]
                numbers[SENT_FROM_DISK] = numbers[NEXT_SENT_FROM_DISK]
            numbers[NEXT_END] = 0

    def error(self, text: str, at: datetime) -> None:
        """Keep the last error; what does not fit is cut off."""
        self._write(ERROR, text)
        self.numbers[ERROR_AT] = int(at.timestamp() * 1_000_000)

    def account(self) -> Account:
        """The numbers as they stand."""
        numbers = self.numbers
        sent, spooled = max(0, numbers[SENT] + numbers[SENT_FROM_DISK]), self.spooled
        dropped = {reason: count for reason, place in self._places.items() if (count := numbers[FIRST_REASON + place])}
        ended = max(numbers[ENDED], sent + sum(dropped.values()))
        waiting = ended - sent - sum(dropped.values())
        error_at = numbers[ERROR_AT]
        return Account(
            ended,
            sent,
            waiting,
            dropped,
            numbers[FAILED_CLOSED],
            self._text(ERROR) or None,
            datetime.fromtimestamp(error_at / 1_000_000, UTC) if error_at else None,
            min(max(0, spooled), waiting),
        )

    def add(self, account: Account) -> None:
        """Count what another has counted."""
        self.numbers[ENDED] += account.ended
        self.numbers[SENT] += account.sent
        self.numbers[SPOOLED] += account.spooled
        self.numbers[FAILED_CLOSED] += account.failed_closed
        for reason, count in account.dropped.items():
            self.dropped(reason, count)
        at = account.last_error_at
        if account.last_error is not None and at is not None and at.timestamp() * 1_000_000 > self.numbers[ERROR_AT]:
            self.error(account.last_error, at)

    def join(self, other: Sheet) -> None:
        """Count what `other` has counted, of the same exporter and process.

        One alone may not add up: of a pipe that settings have replaced, its successor counts what it sends from disk.
        """
        for place in (ENDED, SENT, SPOOLED, FAILED_CLOSED, LEFT, SENT_FROM_DISK):
            self.numbers[place] += other.numbers[place]
        for reason, place in other._places.items():
            self.dropped(reason, other.numbers[FIRST_REASON + place])
        if other.numbers[ERROR_AT] > self.numbers[ERROR_AT]:
            self._bytes[ERROR] = other._bytes[ERROR]
            self.numbers[ERROR_AT] = other.numbers[ERROR_AT]

    @property
    def spooled(self) -> int:
        """How many spans are on disk; less than none where some were not counted when they went there."""
        return self.numbers[SPOOLED] - self.numbers[LEFT]

    @property
    def in_memory(self) -> int:
        """How many spans are neither sent, nor dropped, nor have gone to disk; less than none where more were."""
        numbers = self.numbers
        dropped_from_disk = numbers[LEFT] - numbers[SENT_FROM_DISK]
        dropped = sum(numbers[FIRST_REASON:ENDED]) - dropped_from_disk
        return numbers[ENDED] - numbers[SENT] - dropped - numbers[SPOOLED]

    def balance(self, spooled: int, in_memory: int) -> None:
        """Take back what was given up too early: spans of a dead process may be found on disk though none were counted
        there, since it died between writing and counting them.

        Args:
            spooled: that of all sheets of this exporter and process.
            in_memory: likewise.
        """
        numbers = self.numbers
        if spooled < 0:
            numbers[SPOOLED] -= spooled
            in_memory += spooled
        surplus = -in_memory
        place = self._places.get(DIED)
        if surplus > 0 and place is not None:
            given_back = min(surplus, numbers[FIRST_REASON + place])
            numbers[FIRST_REASON + place] -= given_back
            surplus -= given_back
        if surplus > 0:
            numbers[ENDED] += surplus

    def move(self, buffer: memoryview) -> None:
        """Lie in `buffer` from now on, with all that was counted."""
        buffer[:] = self._bytes
        self.release()
        self._bytes, self.numbers = buffer, buffer.cast("q")

    def release(self) -> None:
        """Let go of the buffer, so that a file can be unmapped. Nothing else works afterwards."""
        try:
            self.numbers.release()
            self._bytes.release()
        except BufferError:  # a thread that a fork has left behind was looking at it
            return

    def _known(self) -> int:
        return min(max(0, self.numbers[REASONS]), MOST_REASONS)

    @staticmethod
    def _word(place: int) -> slice:
        return slice(FIRST_WORD + place * WORD, FIRST_WORD + (place + 1) * WORD)

    def _text(self, place: slice) -> str:
        return bytes(self._bytes[place]).rstrip(b"\0").decode(errors="replace")

    def _write(self, place: slice, text: str) -> None:
        room = place.stop - place.start
        encoded = text.encode(errors="replace").replace(b"\0", b" ")
        whole = encoded[:room].decode(errors="ignore").encode()  # never half a character
        self._bytes[place] = whole.ljust(room, b"\0")
