"""The host's pages."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from tests.hostsuite.host.shop.models import Order


def orders(request: HttpRequest) -> HttpResponse:
    """The orders of who is logged in; POST adds one."""
    if not request.user.is_authenticated:
        return HttpResponse(status=403)
    if request.method == "POST":
        with transaction.atomic():
            Order.objects.create(title=request.POST["title"], buyer=request.user)
    return JsonResponse({"orders": [order.title for order in Order.objects.filter(buyer=request.user).order_by("id")]})


def export(request: HttpRequest) -> StreamingHttpResponse:
    """All orders, as they are read."""

    def lines() -> Iterator[str]:
        for order in Order.objects.order_by("id"):
            yield f"{order.title}\n"

    return StreamingHttpResponse(lines())


async def count(request: HttpRequest) -> JsonResponse:
    """How many orders there are."""
    return JsonResponse({"count": await Order.objects.acount()})


def advice(request: HttpRequest) -> HttpResponse:
    """What a model says."""
    from llmtrace import LLM

    return HttpResponse(LLM("gpt-4o-mini").chat("Recommend a fantasy book").text)


urlpatterns = [
    path("orders/", orders),
    path("export/", export),
    path("count/", count),
    path("advice/", advice),
]
