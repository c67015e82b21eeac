"""What was sent as a chat completion, in the form of the GenAI conventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmtrace.providers.base import rendered_call
from llmtrace.providers.media import named, rendered_bytes, rendered_url
from llmtrace.providers.openai_chat_reading import call_of
from llmtrace.providers.reading import objects


def rendered(sent: Any) -> dict[str, Any]:
    """One message of the body."""
    if not isinstance(sent, Mapping):
        return {"role": "user", "parts": [{"type": "text", "content": str(sent)}]}
    content, parts = sent.get("content"), list[dict[str, Any]]()
    if sent.get("role") == "tool":
        parts.append(named({"type": "tool_call_response", "id": sent.get("tool_call_id"), "response": content}))
    elif isinstance(content, str):
        parts.append({"type": "text", "content": content})
    elif isinstance(content, Sequence):
        parts.extend(rendered_part(each) for each in content)
    parts.extend(rendered_call(call_of(each)) for each in objects(sent.get("tool_calls")))
    return named({"role": str(sent.get("role") or "user"), "parts": parts, "name": sent.get("name")})


def rendered_part(sent: Any) -> dict[str, Any]:
    """One part of a message's content."""
    if not isinstance(sent, Mapping):
        return {"type": "text", "content": str(sent)}
    kind = sent.get("type")
    held = sent.get(str(kind))
    inner: Mapping[str, Any] = held if isinstance(held, Mapping) else {}
    if kind == "image_url":
        return rendered_url("image", str(inner.get("url") or held or ""))
    if kind == "input_audio":
        return rendered_bytes("audio", str(inner.get("data") or ""), f"audio/{inner.get('format')}")
    if kind == "file":
        if inner.get("file_id"):
            return {"type": "file", "modality": "document", "file_id": inner["file_id"]}
        return rendered_url("document", str(inner.get("file_data") or ""))
    return {"type": "text", "content": str(sent.get("text") or sent.get("refusal") or "")}


def rendered_tool(sent: Any) -> Any:
    """A tool's definition with its type beside its name, as the conventions have it."""
    if isinstance(sent, Mapping) and isinstance(sent.get("function"), Mapping):
        return {"type": sent.get("type", "function"), **sent["function"]}
    return sent
