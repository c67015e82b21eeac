"""What was sent to Bedrock, in the form of the GenAI conventions."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from llmtrace.providers.media import bytes_of, named, rendered_bytes
from llmtrace.providers.reading import objects, part_of


def rendered(sent: Any) -> dict[str, Any]:
    """One turn of the conversation."""
    if not isinstance(sent, Mapping):
        return {"role": "user", "parts": [{"type": "text", "content": str(sent)}]}
    return {"role": str(sent.get("role") or "user"), "parts": [block(each) for each in objects(sent.get("content"))]}


def block(sent: Any) -> dict[str, Any]:
    """One block of a turn's content."""
    if not isinstance(sent, Mapping):
        return {"type": "text", "content": str(sent)}
    if "toolUse" in sent:
        used = part_of(sent, "toolUse")
        call = {"type": "tool_call", "id": used.get("toolUseId"), "name": used.get("name")}
        return named({**call, "arguments": used.get("input")})
    if "toolResult" in sent:
        result = part_of(sent, "toolResult")
        texts = [each.get("text", each.get("json")) for each in objects(result.get("content"))]
        response = texts[0] if len(texts) == 1 else texts
        return named({"type": "tool_call_response", "id": result.get("toolUseId"), "response": response})
    if "reasoningContent" in sent:
        thought = part_of(part_of(sent, "reasoningContent"), "reasoningText")
        return {"type": "reasoning", "content": str(thought.get("text") or "")}
    for modality in ("image", "document", "audio", "video"):
        if modality in sent:
            return medium(modality, part_of(sent, modality))
    return {"type": "text", "content": str(sent.get("text") or "")}


def medium(modality: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """An image, sound or document."""
    source = part_of(sent, "source")
    kind = "application" if modality == "document" else modality
    mime = f"{kind}/{sent.get('format')}"
    if "s3Location" in source:
        return {"type": "uri", "modality": modality, "mime_type": mime, "uri": part_of(source, "s3Location").get("uri")}
    return rendered_bytes(modality, base64.b64encode(bytes_of(source.get("bytes"))).decode(), mime)


def defined(sent: Any) -> Any:
    """A tool's definition as the conventions have it."""
    spec = sent.get("toolSpec") if isinstance(sent, Mapping) else None
    if not isinstance(spec, Mapping):
        return sent
    rest = {key: value for key, value in spec.items() if key != "inputSchema"}
    return {"type": "function", **rest, "parameters": part_of(spec, "inputSchema").get("json")}
