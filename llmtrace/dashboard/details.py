"""What the panel tells about one span beside its messages: names and values, bounded in number and in length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from llmtrace import semconv
from llmtrace.dashboard.figures import duration, grouped
from llmtrace.dashboard.parts import MAX_TEXT
from llmtrace.dashboard.plaintext import Text, bounded, one_line, visible, written

MAX_FACTS: Final = 200
MAX_VALUE: Final = 2_000
_REQUEST: Final = ("gen_ai.request.", semconv.REQUEST_OTHER)


def _(label: str) -> str:
    """Marks a label for translation, which the template does."""
    return label


LABELS: Final[Mapping[str, str]] = {
    semconv.REQUEST_MODEL: _("Model asked for"),
    semconv.RESPONSE_MODEL: _("Model that answered"),
    semconv.REQUEST_TEMPERATURE: _("Temperature"),
    semconv.REQUEST_TOP_P: _("Top p"),
    semconv.REQUEST_TOP_K: _("Top k"),
    semconv.REQUEST_MAX_TOKENS: _("Max tokens"),
    semconv.REQUEST_STOP_SEQUENCES: _("Stop"),
    semconv.REQUEST_SEED: _("Seed"),
    semconv.REQUEST_FREQUENCY_PENALTY: _("Frequency penalty"),
    semconv.REQUEST_PRESENCE_PENALTY: _("Presence penalty"),
    semconv.REQUEST_CHOICE_COUNT: _("Choices"),
    semconv.REQUEST_STREAM: _("Stream"),
    semconv.REQUEST_REASONING_LEVEL: _("Reasoning"),
    semconv.OUTPUT_TYPE: _("Output type"),
    semconv.EMBEDDINGS_DIMENSION_COUNT: _("Dimensions"),
    semconv.AGENT_NAME: _("Agent"),
    semconv.TOOL_NAME: _("Tool"),
    semconv.TOOL_DESCRIPTION: _("Description"),
    semconv.TOOL_CALL_ID: _("Tool call id"),
    "http.request.method": _("Method"),
    semconv.HTTP_ROUTE: _("Route"),
    semconv.HTTP_STATUS: _("Status code"),
    semconv.CELERY_TASK: _("Task"),
    semconv.CODE_FUNCTION: _("Task"),
    semconv.CELERY_STATE: _("State"),
    semconv.JOB_STATE: _("State"),
    semconv.JOB_ATTEMPT: _("Attempt"),
    semconv.JOB_QUEUE_TIME: _("In the queue"),
    semconv.JOB_DELAY: _("Put off"),
    semconv.JOB_REDELIVERED: _("Redelivered"),
    semconv.JOB_GROUP_ID: _("Group"),
    semconv.MESSAGING_DESTINATION: _("Queue"),
    semconv.MESSAGING_MESSAGE_ID: _("Message id"),
    semconv.RESPONSE_FINISH_REASONS: _("Finish reason"),
    semconv.OPENAI_RESPONSE_SERVICE_TIER: _("Service tier"),
    semconv.ANTHROPIC_SERVICE_TIER: _("Service tier"),
    semconv.RESPONSE_ID: _("Response id"),
    semconv.CONVERSATION_ID: _("Conversation"),
}
"""The attributes that stand in the panel by their own label, in their order there."""

_SECONDS: Final = frozenset({semconv.JOB_QUEUE_TIME, semconv.JOB_DELAY})
_GROUPED: Final = frozenset({semconv.REQUEST_MAX_TOKENS, semconv.EMBEDDINGS_DIMENSION_COUNT})


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value."""

    name: str
    value: Text


def parameters(attributes: Mapping[str, Any]) -> list[Fact]:
    """What was asked for and what came back beside the text, with labels ready to translate."""
    told = [Fact(label, _value(name, attributes[name])) for name, label in LABELS.items() if _told(name, attributes)]
    others = sorted(name for name in attributes if name.startswith(_REQUEST) and name not in LABELS)
    told += [Fact(_unprefixed(name), _value(name, attributes[name])) for name in others]
    if server := attributes.get(semconv.SERVER_ADDRESS):
        port = attributes.get(semconv.SERVER_PORT)
        address = server if port in (None, 80, 443) else f"{server}:{port}"
        told.append(Fact(_("Server"), bounded(str(address), MAX_VALUE)))
    return told[:MAX_FACTS]


def _unprefixed(name: str) -> str:
    for prefix in _REQUEST:
        name = name.removeprefix(prefix)
    return one_line(name.replace("_", " "))


def _told(name: str, attributes: Mapping[str, Any]) -> bool:
    """Whether the attribute is there and is worth a line: the models only where they are not one and the same."""
    models = semconv.REQUEST_MODEL, semconv.RESPONSE_MODEL
    same = name in models and attributes.get(models[0]) == attributes.get(models[1])
    return attributes.get(name) is not None and not same


def _value(name: str, value: Any) -> Text:
    if name in _GROUPED and type(value) is int:
        return Text(grouped(value))
    if name in _SECONDS and type(value) in (int, float):
        return Text(duration(value * 1000))
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, (list, tuple)) and all(isinstance(item, (str, int, float)) for item in value):
        return bounded(", ".join(map(str, value)), MAX_VALUE)
    return bounded(written(value, indent=None), MAX_VALUE)


def facts(values: Mapping[str, Any], limit: int = MAX_VALUE) -> list[Fact]:
    """Names and values as they are, in the order of their names, bounded in number and in length."""
    names = sorted(values)[:MAX_FACTS]
    return [Fact(one_line(name, 200), bounded(written(values[name], indent=None), limit)) for name in names]


def variables(content: Mapping[str, Any]) -> list[Fact]:
    """The variables of the prompt's template."""
    prefix = semconv.PROMPT_VARIABLE
    return facts({name.removeprefix(prefix): value for name, value in content.items() if name.startswith(prefix)})


SHOWN_CONTENT: Final = frozenset(
    {
        semconv.INPUT_MESSAGES,
        semconv.OUTPUT_MESSAGES,
        semconv.SYSTEM_INSTRUCTIONS,
        semconv.TOOL_CALL_ARGUMENTS,
        semconv.TOOL_CALL_RESULT,
        semconv.PROMPT_TEMPLATE,
        "status_description",
        "events",
    }
)
"""Content that has a place of its own on the page."""


def other_content(content: Mapping[str, Any]) -> list[Fact]:
    """What was said under names that have no place of their own, those of other instrumentations for one."""
    names = [name for name in content if name not in SHOWN_CONTENT and not name.startswith(semconv.PROMPT_VARIABLE)]
    return facts({name: content[name] for name in names}, MAX_TEXT)


def error_text(content: Mapping[str, Any]) -> str:
    """The description of the span's status."""
    described = content.get("status_description")
    return visible(described[:MAX_TEXT]) if isinstance(described, str) else ""
