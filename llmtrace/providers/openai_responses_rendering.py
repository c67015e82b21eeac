"""What was sent to the Responses API, in the form of the GenAI conventions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmtrace.providers.base import rendered_call
from llmtrace.providers.media import named, rendered_url
from llmtrace.providers.reading import objects, parsed_call, texts


def rendered(sent: Any) -> dict[str, Any]:
    """One item of the input as a message."""
    if not isinstance(sent, Mapping):
        return {"role": "user", "parts": [{"type": "text", "content": str(sent)}]}
    kind = sent.get("type")
    if kind == "function_call":
        call = parsed_call(sent.get("call_id"), str(sent.get("name")), sent.get("arguments"))
        return {"role": "assistant", "parts": [rendered_call(call)]}
    if kind == "reasoning":
        thought = texts(each.get("text") for each in objects(sent.get("summary")))
        return {"role": "assistant", "parts": [{"type": "reasoning", "content": thought}] if thought else []}
    if kind == "function_call_output":
        part = {"type": "tool_call_response", "id": sent.get("call_id"), "response": sent.get("output")}
        return {"role": "tool", "parts": [named(part)]}
    content = sent.get("content")
    said = [{"type": "text", "text": content}] if isinstance(content, str) else objects(content)
    return {"role": str(sent.get("role") or "user"), "parts": [rendered_part(each) for each in said]}


def rendered_part(sent: Any) -> dict[str, Any]:
    """One part of a message's content."""
    if not isinstance(sent, Mapping):
        return {"type": "text", "content": str(sent)}
    if sent.get("file_id"):
        modality = "image" if sent.get("type") == "input_image" else "document"
        return {"type": "file", "modality": modality, "file_id": sent["file_id"]}
    if sent.get("type") == "input_image":
        return rendered_url("image", str(sent.get("image_url") or ""))
    if sent.get("type") == "input_file":
        return rendered_url("document", str(sent.get("file_url") or sent.get("file_data") or ""))
    return {"type": "text", "content": str(sent.get("text") or sent.get("refusal") or "")}
