"""What tells one series of the metrics of calls from another: attributes of the call, masked as those of its span."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from opentelemetry.sdk.resources import Resource

from llmtrace import semconv
from llmtrace.conf import Config, get_config
from llmtrace.pipeline.build import redact_filters
from llmtrace.pipeline.ended import EndedSpan
from llmtrace.pipeline.filtering import passed

TELLING: Final = (
    *(semconv.OPERATION, semconv.PROVIDER, semconv.REQUEST_MODEL, semconv.RESPONSE_MODEL),
    *(semconv.SERVER_ADDRESS, semconv.SERVER_PORT, semconv.ERROR_TYPE),
)
"""Nothing of a person or a request."""

MOST: Final = 256  # series whose masked form is kept: most calls are of a few


class _Masking:
    """``REDACT`` of one configuration."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._filters = redact_filters(config)
        self.masked = lru_cache(MOST)(self._masked)

    def _masked(self, *attributes: tuple[str, Any]) -> Mapping[str, Any] | None:
        if self._filters is None:
            return None
        span = passed(EndedSpan("", resource=Resource.get_empty(), attributes=dict(attributes)), self._filters)
        return span.attributes if isinstance(span, EndedSpan) else None


_masking: _Masking | None = None


def series_of(attributes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Those of a call's `attributes` that tell its series; None where what to mask in them cannot be known."""
    global _masking
    masking, config = _masking, get_config()
    if masking is None or masking.config is not config:
        _masking = masking = _Masking(config)
    return masking.masked(*[(name, attributes[name]) for name in TELLING if name in attributes])
