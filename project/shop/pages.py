"""The shop's pages: the shelf, an answer, a job, a failure, and all of it at once."""

from __future__ import annotations

import uuid
from typing import Any

from celery.result import AsyncResult
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from openai import OpenAIError

from llmtrace import trace_attributes
from project.shop import prompts, tasks, visitor
from project.shop.forms import AskForm, JobForm
from project.shop.models import Book


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What one can do here, and the shelf."""
    return _home(request, AskForm(), JobForm())


def _home(request: HttpRequest, ask_form: AskForm, job_form: JobForm) -> HttpResponse:
    shown = {"ask_form": ask_form, "job_form": job_form, "books": Book.objects.all()}
    status = 400 if ask_form.errors or job_form.errors else 200
    return render(request, "shop/home.html", {**shown, "turns": visitor.turns(request)}, status=status)


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """A recommendation, with what was said before in this conversation."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return _home(request, form, JobForm())
    wish, reader = form.wished(), visitor.reader(request)
    with trace_attributes(conversation_id=visitor.conversation(request), tags=["shop", "ask"]):
        reply = prompts.recommend(wish, reader, visitor.turns(request))
    visitor.remember(request, wish, reply.text)
    return render(request, "shop/answer.html", {"wish": wish, "reply": reply})


@require_POST
def forget(request: HttpRequest) -> HttpResponse:
    """Begin a new conversation."""
    visitor.forget(request)
    return redirect("shop:home")


@require_POST
def start_job(request: HttpRequest) -> HttpResponse:
    """Send a job, and show where it is."""
    form = JobForm(request.POST)
    if not form.is_valid():
        return _home(request, AskForm(), form)
    told = {"reader": visitor.reader(request), "book": str(form.cleaned_data["book"])}
    with trace_attributes(tags=["shop", form.cleaned_data["job"]], metadata=told):
        result = form.start()
    address = reverse("shop:job", args=[result.id])
    return redirect(f"{address}?trace={visitor.current_trace() or ''}")


@require_GET
def job(request: HttpRequest, task_id: uuid.UUID) -> HttpResponse:
    """How far a job has come."""
    result: AsyncResult[Any] = AsyncResult(str(task_id))
    return render(request, "shop/job.html", {"result": result, "trace_id": visitor.trace_asked_for(request)})


@require_POST
def fail(request: HttpRequest) -> HttpResponse:
    """A call that the provider rejects: the shop sees the SDK's own exception."""
    try:
        prompts.ask_missing_model("A book that nobody has written")
    except OpenAIError as error:
        kind, trace_id = type(error).__qualname__, visitor.current_trace()
        return render(request, "shop/failed.html", {"error": error, "kind": kind, "trace_id": trace_id}, status=502)
    return redirect("shop:home")


@require_POST
def tour(request: HttpRequest) -> HttpResponse:
    """Everything in one request: a call, jobs of every kind, and a call that fails."""
    wish, reader = "A classic to begin with", visitor.reader(request)
    with trace_attributes(conversation_id=visitor.conversation(request), tags=["shop", "tour"]):
        reply = prompts.recommend(wish, reader)
        book = Book.objects.filter(genre="classic").first()
        if book is None:
            messages.warning(request, "The shelf is empty: run manage.py seed.")
            return redirect("shop:home")
        for start in (tasks.start_one, tasks.start_chain, tasks.start_chord, tasks.start_retried, tasks.start_nested):
            start(book)
        try:
            prompts.ask_missing_model("A book that nobody has written")
        except OpenAIError as error:
            shown = {"wish": wish, "reply": reply, "error": error}
    return render(request, "shop/answer.html", shown)
