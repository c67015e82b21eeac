"""The app: what happens once when Django starts. No database, no network, no SDK of a provider, and nothing raises."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from llmtrace import jobs
from llmtrace.conf import ROOT, get_config
from llmtrace.conf.telling import log_errors
from llmtrace.masking import get_logger

logger = get_logger("llmtrace")

MIDDLEWARE: Final = "llmtrace.middleware.LLMTraceMiddleware"
OPENTELEMETRY_MIDDLEWARE: Final = "opentelemetry.instrumentation.django.middleware.otel_middleware._DjangoMiddleware"


class LLMTraceConfig(AppConfig):
    """``"llmtrace"`` in ``INSTALLED_APPS`` is all the set-up there is."""

    name = "llmtrace"
    verbose_name = _("LLM traces")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what Django and Celery call later. Safe to run twice."""
        for step in (register_checks, tell_why_off, instrument, add_middleware, jobs.install, watch_exits):
            _try(step)


def _try(step: Callable[[], None]) -> None:
    try:
        step()
    except Exception:
        logger.exception("llmtrace is not complete: %s failed.", step.__name__)


def register_checks() -> None:
    """Let ``manage.py check`` tell what is wrong with the settings."""
    from llmtrace.checks import check_deployment, check_settings

    checks.register(check_settings, "llmtrace")
    checks.register(check_deployment, "llmtrace", deploy=True)


def tell_why_off() -> None:
    """Log what is wrong with the settings where nothing is recorded: perhaps that is why, and nobody else tells of it.

    Else it is told when the first span is made.
    """
    config = get_config()
    if not config.enabled:
        log_errors(logger, config.problems)


def add_middleware() -> None:
    """Put our middleware in front, unless the project lists it where it wants it."""
    settings.MIDDLEWARE = with_middleware(settings.MIDDLEWARE)


def with_middleware(listed: Sequence[str]) -> Sequence[str]:
    """The middleware that is listed, and ours: first, or right below OpenTelemetry's, whose span it then uses."""
    if MIDDLEWARE in listed:
        return listed
    at = listed.index(OPENTELEMETRY_MIDDLEWARE) + 1 if OPENTELEMETRY_MIDDLEWARE in listed else 0
    return type(listed)([*listed[:at], MIDDLEWARE, *listed[at:]])  # type: ignore[call-arg]  # a list or a tuple


def watch_exits() -> None:
    """Have the process send what it holds before it ends."""
    from llmtrace.tracing import exits

    exits.watch()


def instrument() -> None:
    """Activate the instrumentors of the settings, on the provider that is in force now."""
    config = get_config()
    if not config.enabled or not config.instrumentors:
        return
    from llmtrace.tracing.setup import connect

    provider = connect(config)
    for index, path in enumerate(config.instrumentors):
        try:
            _instrument(path, provider)
        except Exception as error:
            where = f'{ROOT}["INSTRUMENTORS"][{index}]'
            logger.error("%s could not be activated: %s: %s", where, type(error).__qualname__, error)


def _instrument(path: str, provider: Any) -> None:
    found = import_string(path)
    instrumentor: Any = found() if inspect.isclass(found) else found
    if not getattr(instrumentor, "is_instrumented_by_opentelemetry", False):
        instrumentor.instrument(tracer_provider=provider)
