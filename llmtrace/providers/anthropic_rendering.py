"""What was sent to Anthropic, in the form of the GenAI conventions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmtrace.providers.media import named, rendered_bytes, rendered_url
from llmtrace.providers.reading import objects


def rendered(sent: Any) -> dict[str, Any]:
    """One turn of the conversation."""
    if not isinstance(sent, Mapping):
        return {"role": "user", "parts": [{"type": "text", "content": str(sent)}]}
    content = sent.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else objects(content)
    return {"role": str(sent.get("role") or "user"), "parts": [rendered_block(each) for each in blocks]}


def rendered_system(system: Any) -> list[dict[str, Any]]:
    """The system text, which is sent apart."""
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else objects(system)
    return [rendered_block(each) for each in blocks]


def rendered_block(sent: Any) -> dict[str, Any]:
    """One block of a turn's content."""
    if not isinstance(sent, Mapping):
        return {"type": "text", "content": str(sent)}
    kind = sent.get("type")
    if kind in ("image", "document"):
        return rendered_source(kind, sent.get("source"))
    if kind == "tool_use":
        return named(
            {"type": "tool_call", "id": sent.get("id"), "name": sent.get("name"), "arguments": sent.get("input")}
        )
    if kind == "tool_result":
        return named({"type": "tool_call_response", "id": sent.get("tool_use_id"), "response": sent.get("content")})
    if kind == "thinking":
        return {"type": "reasoning", "content": str(sent.get("thinking") or "")}
    return {"type": "text", "content": str(sent.get("text") or "")}


def rendered_source(modality: str, source: Any) -> dict[str, Any]:
    """A medium by where it comes from."""
    if not isinstance(source, Mapping):
        return {"type": "text", "content": ""}
    if source.get("type") == "file":
        return {"type": "file", "modality": modality, "file_id": source.get("file_id")}
    if source.get("type") == "url":
        return rendered_url(modality, str(source.get("url") or ""))
    return rendered_bytes(modality, str(source.get("data") or ""), source.get("media_type"))
