"""The books that the shop sells and that the local model server recommends."""

from __future__ import annotations

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """A book, and in `pitch` what one would say of it in a sentence, beginning in mid-sentence."""

    title: str
    author: str
    year: int
    genre: str
    pitch: str


BOOKS: Final = (
    Entry("The Left Hand of Darkness", "Ursula K. Le Guin", 1969, "science fiction", "an envoy on a world of ice"),
    Entry("Solaris", "Stanisław Lem", 1961, "science fiction", "an ocean that thinks, and people who cannot ask it"),
    Entry("Kindred", "Octavia E. Butler", 1979, "science fiction", "a woman torn from her own century into slavery"),
    Entry("A Wizard of Earthsea", "Ursula K. Le Guin", 1968, "fantasy", "a wizard hunted by the shadow he let loose"),
    Entry("The Last Unicorn", "Peter S. Beagle", 1968, "fantasy", "a unicorn who goes looking for the others"),
    Entry("Piranesi", "Susanna Clarke", 2020, "fantasy", "a man who loves the endless house that holds him"),
    Entry("The Moonstone", "Wilkie Collins", 1868, "mystery", "a stolen diamond, told by everybody who saw it"),
    Entry("The Name of the Rose", "Umberto Eco", 1980, "mystery", "a friar, a library and seven days of murder"),
    Entry("Gaudy Night", "Dorothy L. Sayers", 1935, "mystery", "poison letters in a women's college at Oxford"),
    Entry("Middlemarch", "George Eliot", 1871, "classic", "a whole town, and what marriage does to hope"),
    Entry("Moby-Dick", "Herman Melville", 1851, "classic", "a captain, a whale and everything in between"),
    Entry("Things Fall Apart", "Chinua Achebe", 1958, "classic", "a proud man whose village changes without him"),
    Entry("Cosmos", "Carl Sagan", 1980, "science", "the universe, explained by somebody who loved it"),
    Entry("The Sixth Extinction", "Elizabeth Kolbert", 2014, "science", "what vanishes, seen by those who count it"),
    Entry("Silent Spring", "Rachel Carson", 1962, "science", "the book that made a generation look at its rivers"),
)

GENRES: Final = tuple(dict.fromkeys(book.genre for book in BOOKS))
