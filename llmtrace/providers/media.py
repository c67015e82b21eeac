"""Media in messages, in the form of the GenAI conventions: by reference, or by type, size and digest."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any, Final

from llmtrace.conf import get_config
from llmtrace.types import Part

DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,", re.ASCII)


def data_url(part: Part) -> str:
    """The part as a URL: its own, or its bytes in one."""
    if part.data is None:
        return part.uri or ""
    return f"data:{part.mime_type};base64,{encoded(part)}"


def encoded(part: Part) -> str:
    """The part's bytes in base64."""
    return base64.b64encode(part.data or b"").decode()


def rendered_url(modality: str, url: str, mime_type: str | None = None) -> dict[str, Any]:
    """A medium that was sent as a URL; what a ``data:`` URL holds is summarised."""
    match = DATA_URL.match(url)
    if match is not None:
        return rendered_bytes(modality, url[match.end() :], match[1] or mime_type)
    return named({"type": "uri", "modality": modality, "mime_type": mime_type, "uri": url})


def rendered_bytes(modality: str, text: str, mime_type: str | None) -> dict[str, Any]:
    """A medium that was sent as base64: its type, size in bytes and SHA-256; in full with ``CAPTURE_MEDIA``."""
    part = {"type": "blob", "modality": modality, "mime_type": mime_type}
    if get_config().capture_media:
        return named({**part, "content": text})
    try:
        data = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        data = text.encode("utf-8", "replace")
    return named({**part, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})


def bytes_of(value: Any) -> bytes:
    """The bytes of a medium; what is none has none."""
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else b""


def named(part: dict[str, Any]) -> dict[str, Any]:
    """`part` without what is not known."""
    return {key: value for key, value in part.items() if value is not None}
