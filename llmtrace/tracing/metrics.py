"""Metrics of calls and of the exporters' ledgers, through the meter provider of the host; llmtrace makes none.

Names, units, attributes and buckets are those of the GenAI semantic conventions
(``semantic-conventions-genai``: ``client-inference``, ``client-embeddings``, ``gen-ai-token-metrics``). The older
ones are of ``semantic-conventions`` 1.41, for an exporter with ``"SEMCONV": "dup"``.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation

from llmtrace import semconv
from llmtrace.conf import get_config
from llmtrace.forking import awaited_by_forks
from llmtrace.pipeline.account import Account
from llmtrace.pipeline.fanout import fanout
from llmtrace.tracing.series import series_of

SECONDS: Final = tuple(0.01 * 2**power for power in range(14))
TOKENS: Final = tuple(4**power for power in range(14))
USAGE: Final[Mapping[str, str]] = {
    semconv.USAGE_INPUT_TOKENS: "Tokens of the input, those from a cache included.",
    semconv.USAGE_OUTPUT_TOKENS: "Tokens of the output, those for reasoning included.",
    semconv.USAGE_CACHE_READ: "Tokens of the input that were read from a cache.",
    semconv.USAGE_CACHE_WRITE: "Tokens of the input that were written to a cache.",
    semconv.USAGE_REASONING: "Tokens of the output that were for reasoning.",
}
EMBEDDINGS: Final = "embeddings"
EXPORTER: Final = "llmtrace.exporter"
REASON: Final = "llmtrace.drop.reason"


class Meters:
    """The instruments of one meter provider."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._lock = threading.Lock()
        self._histograms: dict[str, Histogram] = {}
        self._usage: dict[str, Counter] = {
            name: meter.create_counter(name.replace("gen_ai.", "gen_ai.client.inference.", 1), "{token}", description)
            for name, description in USAGE.items()
        }
        _observe_ledgers(meter)

    def record(self, attributes: Mapping[str, Any], seconds: float, context: Context) -> None:
        """Record a call that has ended, unless what to mask cannot be known.

        Args:
            attributes: of its span.
            seconds: how long it took.
            context: one that holds its span, for exemplars.
        """
        timed = series_of(attributes)
        if timed is None:
            return
        shared = {name: value for name, value in timed.items() if name != semconv.ERROR_TYPE}
        embeds = attributes.get(semconv.OPERATION) == EMBEDDINGS
        kind = "gen_ai.client.embeddings" if embeds else "gen_ai.client.inference"
        self._seconds(f"{kind}.duration").record(seconds, timed, context)
        if not embeds:
            self._count_tokens(attributes, shared, context)
        self._distribute_tokens(f"{kind}.operation", attributes, shared, context)
        first = attributes.get(semconv.RESPONSE_TIME_TO_FIRST_CHUNK)
        if first is not None:
            self._seconds(f"{kind}.time_to_first_chunk").record(first, shared, context)
        if any(entry.semconv == "dup" for entry in get_config().exporters):
            self._record_older(attributes, seconds, timed, shared, context)

    def _count_tokens(self, attributes: Mapping[str, Any], shared: dict[str, Any], context: Context) -> None:
        counted = {**shared, "gen_ai.token.modality": "unknown"}  # no provider says it of all its tokens
        for name, counter in self._usage.items():
            if name in attributes:
                counter.add(attributes[name], counted, context)

    def _distribute_tokens(
        self, prefix: str, attributes: Mapping[str, Any], shared: dict[str, Any], context: Context
    ) -> None:
        for name, side in ((semconv.USAGE_INPUT_TOKENS, "input"), (semconv.USAGE_OUTPUT_TOKENS, "output")):
            if name in attributes:
                self._tokens(f"{prefix}.{side}_tokens").record(attributes[name], shared, context)

    def _record_older(
        self,
        attributes: Mapping[str, Any],
        seconds: float,
        timed: Mapping[str, Any],
        shared: dict[str, Any],
        context: Context,
    ) -> None:
        self._seconds("gen_ai.client.operation.duration").record(seconds, timed, context)
        first = attributes.get(semconv.RESPONSE_TIME_TO_FIRST_CHUNK)
        if first is not None:
            self._seconds("gen_ai.client.operation.time_to_first_chunk").record(first, shared, context)
        for name, side in ((semconv.USAGE_INPUT_TOKENS, "input"), (semconv.USAGE_OUTPUT_TOKENS, "output")):
            if name in attributes:
                told = {**shared, "gen_ai.token.type": side}
                self._tokens("gen_ai.client.token.usage").record(attributes[name], told, context)

    def _seconds(self, name: str) -> Histogram:
        return self._histogram(name, "s", SECONDS)

    def _tokens(self, name: str) -> Histogram:
        return self._histogram(name, "{token}", TOKENS)

    def _histogram(self, name: str, unit: str, buckets: tuple[float, ...]) -> Histogram:
        """The histogram of that name, made when it is first needed: the SDK warns of one that is made twice."""
        found = self._histograms.get(name)
        if found is None:
            with awaited_by_forks(), self._lock:
                found = self._histograms.get(name) or self._meter.create_histogram(
                    name, unit, explicit_bucket_boundaries_advisory=buckets
                )
                self._histograms[name] = found
        return found


_made: Final[WeakKeyDictionary[Any, Meters]] = WeakKeyDictionary()
_making = threading.Lock()


def meters() -> Meters | None:
    """The instruments of the provider that the host has set, None where it has set none."""
    provider = metrics.get_meter_provider()
    if not hasattr(provider, "force_flush"):  # the API's own, which drop everything
        return None
    return _made.get(provider) or _make(provider)


def _make(provider: metrics.MeterProvider) -> Meters:
    with awaited_by_forks(), _making:
        if provider not in _made:
            _made[provider] = Meters(_meter(provider))
        return _made[provider]


def _meter(provider: metrics.MeterProvider) -> Meter:
    version: str = importlib.import_module("llmtrace").__version__
    return provider.get_meter("llmtrace", version)


def observe_ledgers() -> None:
    """Let the provider of the host observe the ledgers, also one that it sets later, in a process without any call.

    OpenTelemetry's API keeps instruments until there is a provider, and its SDK makes each only once.
    """
    if meters() is None:
        _observe_ledgers(_meter(metrics.get_meter_provider()))


def _observe_ledgers(meter: Meter) -> None:
    prefix = "llmtrace.exporter.spans"
    meter.create_observable_counter(f"{prefix}.ended", [_ended], "{span}", "Spans that ended for an exporter.")
    meter.create_observable_counter(f"{prefix}.sent", [_sent], "{span}", "Spans that an exporter has delivered.")
    meter.create_observable_counter(f"{prefix}.dropped", [_dropped], "{span}", "Spans that went nowhere, by reason.")
    meter.create_observable_up_down_counter(
        f"{prefix}.waiting", [_waiting], "{span}", "Spans that are in memory or on disk."
    )


def _accounts() -> Iterator[tuple[Account, dict[str, str]]]:
    for name, account in fanout.accounts().items():
        yield account, {EXPORTER: name}


def _ended(_: CallbackOptions) -> Iterator[Observation]:
    for account, attributes in _accounts():
        yield Observation(account.ended, attributes)


def _sent(_: CallbackOptions) -> Iterator[Observation]:
    for account, attributes in _accounts():
        yield Observation(account.sent, attributes)


def _waiting(_: CallbackOptions) -> Iterator[Observation]:
    for account, attributes in _accounts():
        yield Observation(account.waiting, attributes)


def _dropped(_: CallbackOptions) -> Iterator[Observation]:
    for account, attributes in _accounts():
        for reason, count in account.dropped.items():
            yield Observation(count, {**attributes, REASON: reason})
