"""What the shop keeps: books, and what readers say of them."""

from __future__ import annotations

from django.db import models


class Book(models.Model):
    """A book on the shelf; `summary` is what a model made of its reviews."""

    title = models.CharField(max_length=200, unique=True)
    author = models.CharField(max_length=200)
    year = models.PositiveIntegerField()
    genre = models.CharField(max_length=50)
    summary = models.TextField(blank=True)

    class Meta:
        ordering = ("genre", "title")

    def __str__(self) -> str:
        return f"{self.title} by {self.author}"


class Review(models.Model):
    """What one reader says."""

    book = models.ForeignKey(Book, models.CASCADE, related_name="reviews")
    reader = models.CharField(max_length=100)
    text = models.TextField()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.reader} on {self.book_id}"
