"""Answers that appear while the model writes them. No script is needed: the browser shows a page as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.html import escape
from django.views.decorators.http import require_POST
from openai import OpenAIError

from llmtrace import trace_attributes
from project.shop import prompts, visitor
from project.shop.forms import AskForm

TAGS = ["shop", "tell"]


@require_POST
def tell(request: HttpRequest) -> HttpResponseBase:
    """Streamed by a sync view: chunk by chunk under WSGI, while ASGI shows it once it is whole (Django's rule)."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return redirect("shop:home")
    return _page(_told(request, form.wished(), visitor.reader(request)))


def _told(request: HttpRequest, wish: str, reader: str) -> Iterator[str]:
    """The page in pieces. The call is made here, while the body is being sent."""
    yield _head(request, wish)
    try:
        with trace_attributes(tags=TAGS):
            answer = prompts.tell(wish, reader)
        for chunk in answer:
            yield escape(chunk.text)
    except OpenAIError as error:
        yield _foot(request, error=error)
        return
    yield _foot(request, trace_id=answer.reply.trace_id)


@require_POST
async def atell(request: HttpRequest) -> HttpResponseBase:
    """Streamed by an async view: chunk by chunk under ASGI."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return redirect("shop:home")
    return _page(_atold(request, form.wished(), await visitor.areader(request)))


async def _atold(request: HttpRequest, wish: str, reader: str) -> AsyncIterator[str]:
    yield await sync_to_async(_head)(request, wish)
    try:
        with trace_attributes(tags=TAGS):
            answer = await prompts.atell(wish, reader)
        async for chunk in answer:
            yield escape(chunk.text)
    except OpenAIError as error:
        yield await sync_to_async(_foot)(request, error=error)
        return
    yield await sync_to_async(_foot)(request, trace_id=answer.reply.trace_id)


def _page(body: Iterator[str] | AsyncIterator[str]) -> HttpResponseBase:
    return StreamingHttpResponse(body, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


def _head(request: HttpRequest, wish: str) -> str:
    return render_to_string("shop/told_head.html", {"wish": wish}, request)


def _foot(request: HttpRequest, **shown: object) -> str:
    return render_to_string("shop/told_foot.html", shown, request)
