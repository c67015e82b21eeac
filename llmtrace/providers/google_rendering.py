"""What was sent to Google, in the form of the GenAI conventions."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from llmtrace.providers.media import named, rendered_bytes


def rendered(sent: Any) -> dict[str, Any]:
    """One turn of the conversation."""
    if not isinstance(sent, Mapping):
        return {"role": "user", "parts": [{"type": "text", "content": str(sent)}]}
    role = {"model": "assistant"}.get(str(sent.get("role")), str(sent.get("role") or "user"))
    return {"role": role, "parts": [rendered_part(each) for each in sent.get("parts") or ()]}


def rendered_part(sent: Any) -> dict[str, Any]:
    """One part of a turn."""
    if not isinstance(sent, Mapping):
        return {"type": "text", "content": str(sent)}
    if "function_call" in sent:
        call = sent["function_call"]
        part = {"type": "tool_call", "id": call.get("id"), "name": call.get("name"), "arguments": call.get("args")}
        return named(part)
    if "function_response" in sent:
        given = sent["function_response"]
        return named({"type": "tool_call_response", "id": given.get("id"), "response": given.get("response")})
    if "inline_data" in sent:
        data = sent["inline_data"]
        mime = data.get("mime_type")
        return rendered_bytes(modality(mime), base64.b64encode(data.get("data") or b"").decode(), mime)
    if "file_data" in sent:
        data = sent["file_data"]
        mime = data.get("mime_type")
        return named({"type": "uri", "modality": modality(mime), "mime_type": mime, "uri": data.get("file_uri")})
    return {"type": "text", "content": str(sent.get("text") or "")}


def modality(mime_type: str | None) -> str:
    """What kind of medium it is."""
    kind = (mime_type or "").partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "document"
