"""What a span is to the person who reads: a call of a model, a tool, a request, a job, or some other step."""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal["call", "tool", "agent", "request", "job", "other"]

CALLS: Final = ("chat", "text_completion", "generate_content", "embeddings")
TOOL: Final = "execute_tool"
AGENTS: Final = ("invoke_agent", "create_agent", "invoke_workflow")
FAILED: Final = "ERROR"


def _(label: str) -> str:
    """Marks a label for translation, which who shows it does."""
    return label


LABELS: Final[dict[Kind, str]] = {
    "call": _("Call"),
    "tool": _("Tool"),
    "agent": _("Agent"),
    "request": _("Request"),
    "job": _("Job"),
    "other": _("Step"),
}

OUTCOMES: Final = {
    "completed": _("completed"),
    "failed": _("failed"),
    "cut_short": _("cut short"),
    "cancelled": _("cancelled"),
    "abandoned": _("abandoned"),
}
"""How streams end, in words."""

LEFT: Final = ("cancelled", "abandoned")
"""The outcomes of streams that were left before their end, which is no error."""

RUNNING: Final = "running"
LOST: Final = "lost"
OPEN: Final = {RUNNING: _("still running"), LOST: _("lost")}
"""What stands in the place of an outcome while a span is open, and when its process has died before it ended."""

RETRY: Final = "RETRY"

REMARKABLE: Final = {
    **{outcome: OUTCOMES[outcome] for outcome in LEFT},
    **OPEN,
    RETRY: _("tried again"),
    "IGNORED": _("ignored"),
    "REJECTED": _("rejected"),
    "REVOKED": _("revoked"),
    "TERMINATED": _("terminated"),
}
"""The ends of streams and the states of jobs that are worth a word in the tree."""

_BY_SPAN_KIND: Final[dict[str, Kind]] = {"SERVER": "request", "PRODUCER": "job", "CONSUMER": "job"}


def kind_of(span_kind: str, operation: str | None) -> Kind:
    """The kind of a span by its OpenTelemetry kind (``CLIENT``, …) and its GenAI operation (``chat``, …)."""
    if operation in CALLS:
        return "call"
    if operation == TOOL:
        return "tool"
    if operation in AGENTS:
        return "agent"
    return _BY_SPAN_KIND.get(span_kind, "other")
