"""Connecting to OpenTelemetry: the tracer provider that spans go through, ours or the host's."""

from __future__ import annotations

import atexit
import importlib
import threading
import time
import weakref
from contextlib import suppress
from typing import Any, Final

from django.core.signals import setting_changed
from django.utils.module_loading import import_string
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import NoOpTracer, Tracer

from llmtrace.conf import ROOT, Config, get_config
from llmtrace.forking import at_fork, awaited_by_forks
from llmtrace.masking import get_logger
from llmtrace.mistakes import guarded
from llmtrace.pipeline.fanout import fanout
from llmtrace.tracing.attributes import mark
from llmtrace.tracing.metrics import observe_ledgers
from llmtrace.tracing.scope import end_all

logger = get_logger("llmtrace.tracing")

SCOPE: Final = "llmtrace"

_lock = threading.RLock()
_connected: weakref.WeakSet[Any] = weakref.WeakSet()  # providers that have our processor
_tracers: dict[str, Tracer] = {}
_named: dict[str, Any] = {}  # by the path in TRACER_PROVIDER: the provider, None where there is none to be had
_own: _OwnProvider | None = None
_exit_used = 0.0  # seconds of EXIT_TIMEOUT that sending the last spans has taken so far


class _OwnProvider(TracerProvider):
    """The provider that serves where the host has none."""

    has_others = False  # whether the host has added processors to it
    _sender: tuple[Any, ...] = ()  # the settings that its resource was made from

    def describe(self, config: Config) -> None:
        """Have spans that begin from now on name the sender of the settings in force."""
        sender = (config.service_name, config.resource)
        if sender != self._sender:
            self._sender = sender
            self._resource = resource_of(config)
            self._update_resource(Resource.get_empty())  # as the SDK tells its tracers of a fork

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        self.has_others = self.has_others or span_processor is not fanout
        super().add_span_processor(span_processor)


def has_listeners() -> bool:
    """Whether there is an exporter of the settings that works, or a processor of the host's."""
    if fanout.pipes() or get_config().tracer_provider is not None:
        return True
    provider = trace.get_tracer_provider()
    return provider.has_others if isinstance(provider, _OwnProvider) else hasattr(provider, "add_span_processor")


@guarded("The exporters could not be made ready.")
def begin() -> None:
    """Make the exporters ready before there is a span: what a dead process has left need not wait for one."""
    fanout.pipes()


def get_tracer(scope: str = SCOPE) -> Tracer:
    """The tracer for a part of llmtrace; connects on first use, so that a provider which the host sets late is found.

    With ``ENABLED`` off it makes spans that record nothing.
    """
    return _tracers.get(scope) or _make_tracer(scope)


def _make_tracer(scope: str) -> Tracer:
    with awaited_by_forks(), _lock:
        config = get_config()
        if not config.enabled:
            tracer: Tracer = NoOpTracer()
        else:
            tracer = connect(config).get_tracer(scope, _version())
        _tracers[scope] = tracer
        return tracer


def _version() -> str:
    version: str = importlib.import_module("llmtrace").__version__
    return version


def connect(config: Config | None = None) -> trace.TracerProvider:
    """Put our processor into the provider in force and return that provider.

    ``TRACER_PROVIDER`` comes first, then the host's global provider, then one of ours, which becomes the global one.
    A global provider that is not of the SDK takes no processors: then ours serves llmtrace's spans alone.
    """
    global _own
    with awaited_by_forks(), _lock:  # OpenTelemetry asks for a resource below a lock that no child gets free
        config = config or get_config()
        provider = _named_provider(config) or trace.get_tracer_provider()
        if not hasattr(provider, "add_span_processor"):
            if _own is None:
                _own = _OwnProvider(resource=Resource.get_empty(), shutdown_on_exit=False)
            if isinstance(provider, trace.ProxyTracerProvider):
                trace.set_tracer_provider(_own)
            provider = _own
        if isinstance(provider, _OwnProvider):
            provider.describe(config)
        if provider not in _connected:
            fanout.mark = mark
            provider.add_span_processor(fanout)
            _connected.add(provider)
            observe_ledgers()
            if len(_connected) == 1:
                _watch_end()
        return provider


def _named_provider(config: Config) -> Any:
    path = config.tracer_provider
    if path is None:
        return None
    if path not in _named:  # a function that makes one is called once, also where tests change other settings
        _named[path] = _found(path)
    return _named[path]


def _found(path: str) -> Any:
    try:
        found = import_string(path)
        return found if hasattr(found, "get_tracer") and not isinstance(found, type) else found()
    except Exception as error:
        logger.error("%s can't be used: %s: %s", f'{ROOT}["TRACER_PROVIDER"]', type(error).__qualname__, path)
        return None


def resource_of(config: Config) -> Resource:
    """Who sends the spans, where llmtrace's own provider serves."""
    attributes = dict(config.resource)
    if config.service_name is not None:
        attributes[SERVICE_NAME] = config.service_name
    return Resource.create(attributes)


def keep(context: otel_context.Context | None = None) -> None:
    """Have the span of `context` kept as the parent of spans in another process, the current one's if None."""
    fanout.keep(trace.get_current_span(context).get_span_context())


def flush(timeout: float | None = None) -> bool:
    """Send what has ended, within `timeout` seconds (``EXIT_TIMEOUT`` if None). False when it took longer."""
    return fanout.flush(get_config().exit_timeout if timeout is None else timeout)


def _watch_end() -> None:
    atexit.register(_at_exit)
    # Python runs `atexit` only when it starts no more threads and registers no more exits, and gRPC needs both for its
    # first request. `concurrent.futures` comes in before that in the same way.
    before_threads_end = getattr(threading, "_register_atexit", None)
    if before_threads_end is not None:
        try:
            before_threads_end(_before_exit)
        except RuntimeError:  # the first span of all begins that late
            return


def _before_exit() -> None:
    global _exit_used
    began = time.monotonic()
    with suppress(KeyboardInterrupt):  # somebody does not want to wait any longer: what was left is on disk
        if not _others_go_on():
            end_all()
        fanout.close()
    _exit_used = time.monotonic() - began


def _others_go_on() -> bool:
    """Whether there are threads that Python waits for before it ends: what is open may be theirs."""
    return any(not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate())


def save() -> None:
    """Bring to disk at once what has ended: the process may be killed any moment, and another one sends it then."""
    fanout.save()


def _at_exit() -> None:
    """Send what has ended since then, in the time that is left."""
    with suppress(KeyboardInterrupt):
        end_all()
        fanout.finish(max(0.0, get_config().exit_timeout - _exit_used))


def _settings_changed(*, setting: str, **_: Any) -> None:
    if setting == ROOT:
        _tracers.clear()
        for path in [path for path, provider in _named.items() if provider is None]:
            _named.pop(path, None)  # it may work by now


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()  # another thread of the parent may have held it


at_fork(after_in_child=_after_fork_in_child)
setting_changed.connect(_settings_changed, dispatch_uid="llmtrace.tracing")
