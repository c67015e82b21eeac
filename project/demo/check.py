"""What a trace of the demonstration has to hold, and what of it is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from llmtrace import semconv
from llmtrace.models import Span
from project.demo.trace import Trace

Rule = Callable[[Trace, Span], Iterator[str]]
"""Gets a trace and its request's span; yields a sentence for each thing that is missing."""

GENRE_SIZE: Final = 3  # books of each genre in the catalogue
NEEDED: Final = ("model", "provider", "input_tokens", "output_tokens", "cost_nano_usd", "user_id", "session_id")
SAID: Final = (semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES)


def missing(trace: Trace, rules: tuple[Rule, ...]) -> list[str]:
    """What the trace lacks, in sentences; empty when it is complete."""
    requests = [span for span in trace.spans if span.kind == "SERVER"]
    if len(requests) != 1:
        return [f"{len(requests)} spans of kind SERVER instead of one request"]
    orphans = [f"the parent of {span.name} is missing" for span in trace.tops() if span.parent_id is not None]
    return orphans + [lack for rule in rules for lack in rule(trace, requests[0])]


def call(trace: Trace, request: Span) -> Iterator[str]:
    """request → call"""
    if not _complete(trace, request):
        yield f"no complete call directly under {request.name}{_lacks(trace, request)}"


def stream(trace: Trace, request: Span) -> Iterator[str]:
    """request → streamed call, read to its end"""
    streamed = [span for span in _complete(trace, request) if span.outcome == "completed"]
    if not any(span.first_chunk_ms for span in streamed):
        yield f"no completed stream under {request.name}, with the time of its first chunk{_lacks(trace, request)}"


def job(trace: Trace, request: Span) -> Iterator[str]:
    """request → publish → run → call"""
    if not any(_complete(trace, run) for run in _runs(trace, request, "summarise_reviews")):
        yield "no publish → run → call of summarise_reviews under the request"


def chain(trace: Trace, request: Span) -> Iterator[str]:
    """request → publish → run → publish → run → call"""
    firsts = _runs(trace, request, "summarise_reviews")
    if not any(_complete(trace, run) for first in firsts for run in _runs(trace, first, "translate_summary")):
        yield "no translate_summary with a call, sent by a summarise_reviews"


def chord(trace: Trace, request: Span) -> Iterator[str]:
    """the runs of a group, and the body that got their results"""
    bodies = [span for span in trace.below(request) if _is_run(span, "compare_summaries")]
    if not any(_complete(trace, body) for body in bodies):
        yield "no run of the chord's body compare_summaries with a call under the request"
    groups: dict[str, int] = {}
    for run in _runs(trace, request, "summarise_reviews"):
        group = run.attributes.get(semconv.JOB_GROUP_ID)
        if group and _complete(trace, run):
            groups[group] = groups.get(group, 0) + 1
    if GENRE_SIZE not in groups.values():
        yield f"no group of {GENRE_SIZE} runs of summarise_reviews with a call each"


def retried(trace: Trace, request: Span) -> Iterator[str]:
    """two attempts of a job as siblings: the first with the failed call, the second with the good one"""
    attempts = {span.attributes.get(semconv.JOB_ATTEMPT): span for span in trace.below(request) if _is_retried(span)}
    first, second = attempts.get(1), attempts.get(2)
    if first is None or second is None:
        yield f"attempts of summarise_with_new_model: {sorted(map(str, attempts))} instead of 1 and 2"
        return
    if first in _above(trace, second):
        yield "the second attempt of summarise_with_new_model is under the first instead of beside it"
    if not any(span.status == "ERROR" for span in _calls(trace, first)):
        yield "no failed call under the first attempt of summarise_with_new_model"
    if not _complete(trace, second):
        yield "no complete call under the second attempt of summarise_with_new_model"


def nested(trace: Trace, request: Span) -> Iterator[str]:
    """a run that sends jobs of its own"""
    inner = [
        run for outer in _runs(trace, request, "refresh_genre") for run in _runs(trace, outer, "summarise_reviews")
    ]
    if sum(1 for run in inner if _complete(trace, run)) != GENRE_SIZE:
        yield f"not {GENRE_SIZE} runs of summarise_reviews with a call under a run of refresh_genre"


def failed(trace: Trace, request: Span) -> Iterator[str]:
    """a call with its error"""
    for span in _calls(trace, request):
        if span.status == "ERROR" and span.error_type and "does not exist" in _content_text(span):
            return
    yield f"no failed call with error type and message under {request.name}"


EVERYTHING: Final[tuple[Rule, ...]] = (call, job, chain, chord, retried, nested, failed)


def _calls(trace: Trace, parent: Span) -> list[Span]:
    return [span for span in trace.children(parent) if span.operation == "chat" and span.kind == "CLIENT"]


def _complete(trace: Trace, parent: Span) -> list[Span]:
    """The calls directly under a span that lack nothing."""
    return [span for span in _calls(trace, parent) if span.status != "ERROR" and not _lacking(span)]


def _lacking(span: Span) -> list[str]:
    return [name for name in NEEDED if getattr(span, name) is None] + [key for key in SAID if key not in _content(span)]


def _lacks(trace: Trace, parent: Span) -> str:
    answered = [span for span in _calls(trace, parent) if span.status != "ERROR"]
    return "".join(f"; {span.name} lacks {', '.join(_lacking(span))}" for span in answered if _lacking(span))


def _content(span: Span) -> Mapping[str, object]:
    return span.content.load() if hasattr(span, "content") else {}


def _content_text(span: Span) -> str:
    return span.content.data if hasattr(span, "content") else ""


def _is_run(span: Span, task: str) -> bool:
    name = str(span.attributes.get(semconv.CELERY_TASK, ""))
    return span.kind == "CONSUMER" and name.rpartition(".")[2] == task


def _is_retried(span: Span) -> bool:
    return _is_run(span, "summarise_with_new_model")


def _runs(trace: Trace, sender: Span, task: str) -> list[Span]:
    """The runs of a task that a span sent: each below a publish span."""
    published = [span for span in trace.children(sender) if span.kind == "PRODUCER"]
    return [run for publish in published for run in trace.children(publish) if _is_run(run, task)]


def _above(trace: Trace, span: Span) -> Iterator[Span]:
    parent = trace.parent(span)
    while parent is not None:
        yield parent
        parent = trace.parent(parent)
