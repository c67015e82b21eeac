"""What was sent to Google, in the form of the GenAI conventions."""

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
    role = {"model": "assistant"}.get(str(sent.get("role")), str(sent.get("role") or "user"))
    return {"role": role, "parts": [rendered_part(each) for each in objects(sent.get("parts"))]}


def rendered_part(sent: Any) -> dict[str, Any]:
    """One part of a turn."""
    if not isinstance(sent, Mapping):
        return {"type": "text", "content": str(sent)}
    if "function_call" in sent:
        call = part_of(sent, "function_call")
        part = {"type": "tool_call", "id": call.get("id"), "name": call.get("name"), "arguments": call.get("args")}
        return named(part)
    if "function_response" in sent:
        given = part_of(sent, "function_response")
        return named({"type": "tool_call_response", "id": given.get("id"), "response": given.get("response")})
    if "inline_data" in sent:
        data = part_of(sent, "inline_data")
        mime = data.get("mime_type")
        return rendered_bytes(modality(mime), base64.b64encode(bytes_of(data.get("data"))).decode(), mime)
    if "file_data" in sent:
        data = part_of(sent, "file_data")
        mime = data.get("mime_type")
        return named({"type": "uri", "modality": modality(mime), "mime_type": mime, "uri": data.get("file_uri")})
    return {"type": "text", "content": str(sent.get("text") or "")}


def modality(mime_type: str | None) -> str:
    """What kind of medium it is."""
    kind = str(mime_type or "").partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "document"
