"""Every part of a message can be shown: by its text, as the tool's call it is, or by what kind of media it is."""

from typing import Any

import pytest
from hypothesis import given

from llmtrace.dashboard.parts import called, piece_of
from tests.dashboard.test_plaintext import values


@pytest.mark.parametrize(
    ("part", "kind", "shown"),
    [
        ({"type": "text", "content": "Hello"}, "text", "Hello"),
        ({"type": "text", "text": "Hello"}, "text", "Hello"),
        ("Hello", "text", "Hello"),
        ({"type": "reasoning", "content": "Hm."}, "reasoning", "Hm."),
        ({"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1, "b": "x"}}, "call", 'f(a=1, b="x")'),
        ({"type": "tool_call", "name": "f", "arguments": '{"a": 1}'}, "call", "f(a=1)"),
        ({"type": "tool_call", "name": "f"}, "call", "f()"),
        ({"type": "tool_call_response", "id": "1", "response": {"n": 2}}, "result", '{\n  "n": 2\n}'),
        ({"type": "uri", "modality": "image", "mime_type": "image/png", "uri": "https://a.example/b.png"},
         "media", "image · image/png · https://a.example/b.png"),
        ({"type": "file", "modality": "document", "file_id": "file-7"}, "media", "document · file-7"),
        ({"type": "blob", "modality": "image", "mime_type": "image/png", "size": 24_100, "sha256": "ab12"},
         "media", "image · image/png · 24.1 kB · SHA-256 ab12"),
        ({"type": "hologram", "x": 1}, "data", '{\n  "type": "hologram",\n  "x": 1\n}'),
        ({"type": "text"}, "data", '{\n  "type": "text"\n}'),
        (7, "data", "7"),
        (None, "data", "null"),
    ],
)  # fmt: skip
def test_a_part_is_shown_by_what_it_is(part: Any, kind: str, shown: str) -> None:
    piece = piece_of(part)
    assert (piece.kind, piece.text.shown) == (kind, shown)


def test_the_bytes_of_media_are_never_shown() -> None:
    piece = piece_of({"type": "blob", "modality": "image", "mime_type": "image/png", "content": "QUJD" * 250})
    assert piece.text.shown == "image · image/png · 750 bytes"


def test_a_call_with_long_arguments_shows_them_as_json() -> None:
    assert called("f", {"text": "x" * 100}) == 'f({\n  "text": "' + "x" * 100 + '"\n})'


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    piece = piece_of({"type": "text", "content": "x" * 1_000_000}, limit=10)
    assert (piece.text.shown, piece.text.left_out) == ("x" * 10, 999_990)


@given(values)
def test_whatever_a_part_is_something_is_shown(part: Any) -> None:
    piece_of(part).text.shown.encode()
