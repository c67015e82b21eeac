"""Background work: single jobs, and how they are put together."""

from __future__ import annotations

from celery import Task, chain, chord, shared_task
from celery.result import AsyncResult
from openai import OpenAIError

from project.shop import prompts
from project.shop.models import Book

LANGUAGE = "German"


@shared_task(name="shop.summarise_reviews")
def summarise_reviews(book_id: int) -> str:
    """What readers say of a book, in two sentences, kept with the book."""
    book = Book.objects.get(pk=book_id)
    summary = prompts.summarise(book.title, reviews_of(book)).text
    Book.objects.filter(pk=book_id).update(summary=summary)
    return summary


@shared_task(name="shop.translate_summary")
def translate_summary(summary: str, language: str) -> str:
    """A summary in another language."""
    return prompts.translate(summary, language).text


@shared_task(name="shop.compare_summaries")
def compare_summaries(summaries: list[str]) -> str:
    """Which book to read first."""
    return prompts.compare(summaries).text


@shared_task(
    name="shop.summarise_with_new_model",
    bind=True,
    autoretry_for=(OpenAIError,),
    retry_backoff=1,  # seconds, doubled with each attempt
    retry_jitter=False,
    max_retries=3,
)
def summarise_with_new_model(self: Task[..., str], book_id: int) -> str:
    """Try a model that does not exist yet; the next attempt, a second later, takes the one that does."""
    book = Book.objects.get(pk=book_id)
    if self.request.retries == 0:
        return prompts.ask_missing_model(reviews_of(book)).text
    return prompts.summarise(book.title, reviews_of(book)).text


@shared_task(name="shop.refresh_genre")
def refresh_genre(genre: str) -> list[str]:
    """A job that sends jobs: one for each book of the genre."""
    books = Book.objects.filter(genre=genre).values_list("pk", flat=True)
    return [summarise_reviews.delay(pk).id for pk in books]


def reviews_of(book: Book) -> str:
    """The texts of all reviews of a book, one a line."""
    return "\n".join(f"- {review.text}" for review in book.reviews.all())


def start_one(book: Book) -> AsyncResult[str]:
    """One job."""
    return summarise_reviews.delay(book.pk)


def start_chain(book: Book) -> AsyncResult[str]:
    """Two jobs, the second with the result of the first."""
    return chain(summarise_reviews.s(book.pk), translate_summary.s(LANGUAGE)).delay()


def start_chord(book: Book) -> AsyncResult[str]:
    """A group, one job for each book of the genre, and a body that gets all results."""
    group = [summarise_reviews.s(pk) for pk in Book.objects.filter(genre=book.genre).values_list("pk", flat=True)]
    return chord(group)(compare_summaries.s())


def start_retried(book: Book) -> AsyncResult[str]:
    """A job whose first attempt fails."""
    return summarise_with_new_model.delay(book.pk)


def start_nested(book: Book) -> AsyncResult[list[str]]:
    """A job that sends jobs."""
    return refresh_genre.delay(book.genre)
