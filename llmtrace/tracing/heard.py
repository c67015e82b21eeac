"""Whether a span would reach anybody. Loads nothing of OpenTelemetry where nobody does, as in most tests of a host."""

from __future__ import annotations

import os
import sys
from typing import Final

from llmtrace.conf import get_config
from llmtrace.pipeline.testrun import exporters

PROVIDER_VARIABLE: Final = "OTEL_PYTHON_TRACER_PROVIDER"  # names a provider that OpenTelemetry loads when asked for one


def may_be_heard() -> bool:
    """False where it is certain that nobody gets a span, so that there is no need to load OpenTelemetry."""
    config = get_config()
    if not config.enabled:
        return False
    if exporters(config) or config.tracer_provider is not None:
        return True
    return "opentelemetry.trace" in sys.modules or PROVIDER_VARIABLE in os.environ  # the host may have set a provider


def is_heard() -> bool:
    """Whether anybody gets the spans that llmtrace makes: an exporter of the settings, or processors of the host's.

    In a host's test suite mostly nobody does, and a request's span is the dearest part of a test's request.
    """
    if not may_be_heard():
        return False
    from llmtrace.tracing.setup import has_listeners

    return has_listeners()
