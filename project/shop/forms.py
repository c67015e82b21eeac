"""What a visitor can ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from celery.result import AsyncResult
from django import forms

from project.catalogue import GENRES
from project.shop import tasks
from project.shop.models import Book

JOBS: Final[Mapping[str, tuple[str, Callable[[Book], AsyncResult[Any]]]]] = {
    "one": ("one job: summarise its reviews", tasks.start_one),
    "chain": ("a chain: summarise, then translate", tasks.start_chain),
    "chord": ("a group with a chord: summarise its genre, then compare", tasks.start_chord),
    "retried": ("a job that fails first and is tried again", tasks.start_retried),
    "nested": ("a job that sends jobs: summarise its genre", tasks.start_nested),
}


class AskForm(forms.Form):
    """A wish to the bookseller."""

    wish = forms.CharField(
        max_length=500,
        label="What would you like to read?",
        widget=forms.Textarea(attrs={"rows": 3}),
        initial="Something for a long train journey, with weather in it",
    )
    genre = forms.ChoiceField(
        label="Of which kind?", choices=[("", "any genre"), *((genre, genre) for genre in GENRES)], required=False
    )

    def wished(self) -> str:
        """The wish as a sentence, with the genre if one was chosen."""
        wish, genre = self.cleaned_data["wish"], self.cleaned_data["genre"]
        return f"{wish} ({genre})" if genre else wish


class JobForm(forms.Form):
    """Background work on a book."""

    book = forms.ModelChoiceField(Book.objects.all(), label="For which book?", empty_label=None)
    job = forms.ChoiceField(
        label="What is to be done?",
        choices=[(key, words) for key, (words, _) in JOBS.items()],
        widget=forms.RadioSelect,
        initial="one",
    )

    def start(self) -> AsyncResult[Any]:
        """Send the job."""
        _, start = JOBS[self.cleaned_data["job"]]
        return start(self.cleaned_data["book"])
