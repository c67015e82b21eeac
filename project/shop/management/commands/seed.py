"""`manage.py seed`: books and reviews for the shelf, made once."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import BaseCommand
from django.db import transaction

from project.catalogue import BOOKS
from project.shop.models import Book, Review

VOICES: Final = (
    ("Ada", "I read it in two nights and began again: {pitch}. Nothing in it is there for show."),
    ("Bertrand", "Slow at first. Then it would not let me go, and the end is earned."),
    ("Chandra", "{author} trusts the reader, and I felt it on every page of this {genre} book."),
)


class Command(BaseCommand):
    """Fill the shelf; books that are there stay as they are."""

    help = "Fill the shelf with books and reviews. Books that are there stay as they are."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing."""
        added = 0
        for entry in BOOKS:
            facts = {"author": entry.author, "year": entry.year, "genre": entry.genre}
            book, made = Book.objects.get_or_create(title=entry.title, defaults=facts)
            if made:
                added += 1
                texts = [(reader, text.format(**entry._asdict())) for reader, text in VOICES]
                Review.objects.bulk_create(Review(book=book, reader=reader, text=text) for reader, text in texts)
        self.stdout.write(f"{added} books added, {Book.objects.count()} on the shelf.")
