"""One page that asks a model and keeps a row."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import path


def asking() -> Callable[[], str]:
    """How this host asks its model: through llmtrace where that is installed, else with the provider's SDK."""
    if "llmtrace" in settings.INSTALLED_APPS:
        from llmtrace import LLM

        return lambda: LLM("gpt-4o-mini").chat("Which book?").text

    from openai import OpenAI

    def ask() -> str:
        with OpenAI() as client:
            asked = client.chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": "Which?"}]
            )
        return asked.choices[0].message.content or ""

    return ask


def page(request: HttpRequest) -> HttpResponse:
    """Two queries and a call."""
    User.objects.create(username=asking()())
    return HttpResponse(User.objects.count())


urlpatterns = [path("", page)]
