"""What was sent to Bedrock, in the form of the GenAI conventions."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from llmtrace.providers.media import named, rendered_bytes


def rendered(sent: Any) -> dict[str, Any]:
    """One turn of the conversation."""
    if not isinstance(sent, Mapping):
        return {"role": "user", "parts": [{"type": "text", "content": str(sent)}]}
    return {"role": str(sent.get("role") or "user"), "parts": [block(each) for each in sent.get("content") or ()]}


def block(sent: Any) -> dict[str, Any]:
    """One block of a turn's content."""
    if not isinstance(sent, Mapping):
        return {"type": "text", "content": str(sent)}
    if "toolUse" in sent:
        used = sent["toolUse"]
        call = {"type": "tool_call", "id": used.get("toolUseId"), "name": used.get("name")}
        return named({**call, "arguments": used.get("input")})
    if "toolResult" in sent:
        result = sent["toolResult"]
        texts = [each.get("text", each.get("json")) for each in result.get("content") or ()]
        response = texts[0] if len(texts) == 1 else texts
        return named({"type": "tool_call_response", "id": result.get("toolUseId"), "response": response})
    if "reasoningContent" in sent:
        thought = sent["reasoningContent"].get("reasoningText") or {}
        return {"type": "reasoning", "content": str(thought.get("text") or "")}
    for modality in ("image", "document", "audio", "video"):
        if modality in sent:
            return medium(modality, sent[modality])
    return {"type": "text", "content": str(sent.get("text") or "")}


def medium(modality: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """An image, sound or document."""
    source = sent.get("source") or {}
    kind = "application" if modality == "document" else modality
    mime = f"{kind}/{sent.get('format')}"
    if "s3Location" in source:
        return {"type": "uri", "modality": modality, "mime_type": mime, "uri": source["s3Location"].get("uri")}
    return rendered_bytes(modality, base64.b64encode(source.get("bytes") or b"").decode(), mime)


def defined(sent: Any) -> Any:
    """A tool's definition as the conventions have it."""
    spec = sent.get("toolSpec") if isinstance(sent, Mapping) else None
    if not isinstance(spec, Mapping):
        return sent
    rest = {key: value for key, value in spec.items() if key != "inputSchema"}
    return {"type": "function", **rest, "parameters": (spec.get("inputSchema") or {}).get("json")}
