"""An account as it lies in memory, in a file that is mapped there, or in a copy of one: fixed places for everything.

To count is to store one number, so that what was counted is there when the process is killed in the next moment.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from llmtrace.pipeline.account import DIED, Account

SIZE: Final = 8192
SIGN: Final = int.from_bytes(b"llmtrac1", "little")
MOST_REASONS: Final = 47
OTHERS: Final = "other reasons"

# Places of numbers, of 8 bytes each. `ENDED` comes behind the others: who copies a file from its begin while spans are
# counted in it then sees none as sent that has not ended.
SIGNED, SENT, SPOOLED, FAILED_CLOSED, ERROR_AT, REASONS = range(6)
FIRST_REASON: Final = 16
ENDED: Final = 63
# Places of texts, in bytes.
NAME: Final = slice(512, 767)  # no more than the table of ledgers takes
ERROR: Final = slice(768, 2048)
FIRST_WORD: Final = 2048
WORD: Final = 128


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

    def error(self, text: str, at: datetime) -> None:
        """Keep the last error; what does not fit is cut off."""
        self._write(ERROR, text)
        self.numbers[ERROR_AT] = int(at.timestamp() * 1_000_000)

    def account(self) -> Account:
        """The numbers as they stand."""
        numbers = self.numbers
        sent, spooled = max(0, numbers[SENT]), numbers[SPOOLED]
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
        for place in (ENDED, SENT, SPOOLED, FAILED_CLOSED):
            self.numbers[place] += other.numbers[place]
        for reason, place in other._places.items():
            self.dropped(reason, other.numbers[FIRST_REASON + place])
        if other.numbers[ERROR_AT] > self.numbers[ERROR_AT]:
            self._bytes[ERROR] = other._bytes[ERROR]
            self.numbers[ERROR_AT] = other.numbers[ERROR_AT]

    @property
    def surplus(self) -> int:
        """How many more spans were sent and dropped than have ended."""
        return self.numbers[SENT] + sum(self.numbers[FIRST_REASON:ENDED]) - self.numbers[ENDED]

    def balance(self, surplus: int) -> None:
        """Take back what was given up too early: spans of a dead process may be found on disk though none were counted
        there, since it died between writing and counting them.

        Args:
            surplus: that of all sheets of this exporter and process.
        """
        numbers = self.numbers
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
