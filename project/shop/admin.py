"""Books and reviews in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from project.shop.models import Book, Review

if TYPE_CHECKING:  # the stubs' classes are generic, Django's are not
    _BookAdmin = admin.ModelAdmin[Book]
    _ReviewInline = admin.TabularInline[Review, Book]
else:
    _BookAdmin, _ReviewInline = admin.ModelAdmin, admin.TabularInline


class ReviewInline(_ReviewInline):
    """Reviews beside their book."""

    model = Review
    extra = 0


@admin.register(Book)
class BookAdmin(_BookAdmin):
    """The shelf."""

    list_display = ("title", "author", "year", "genre")
    list_filter = ("genre",)
    search_fields = ("title", "author")
    inlines = (ReviewInline,)
