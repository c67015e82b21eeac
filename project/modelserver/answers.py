"""What the model says: the same to the same prompt, and about books."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from project.catalogue import BOOKS, GENRES, Entry

DEPTH: Final = 8


def number(text: str) -> int:
    """A whole number that depends upon the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:8])


def said(body: Mapping[str, Any], role: str) -> str:
    """The last text of that role in the conversation, "" when there is none."""
    for message in reversed(body["messages"]):
        if message["role"] == role:
            content = message.get("content")
            if isinstance(content, list):
                return "\n".join(str(part.get("text", "")) for part in content)
            return content or ""
    return ""


def choose(prompt: str, index: int) -> Entry:
    """The book for this prompt's answer number `index`, of the genre that the prompt names if it names one."""
    wanted = [genre for genre in GENRES if genre in prompt.lower()]
    books = [book for book in BOOKS if not wanted or book.genre == max(wanted, key=len)]
    return books[(number(prompt) + index) % len(books)]


def answer(body: Mapping[str, Any], index: int) -> str:
    """The text of choice `index`, before limits."""
    prompt = said(body, "user")
    wanted = (body.get("response_format") or {"type": "text"})["type"]
    if wanted == "json_schema":
        return json.dumps(fitting(body["response_format"]["json_schema"].get("schema", {}), prompt, index))
    book = choose(prompt, index)
    if wanted == "json_object":
        return json.dumps({"title": book.title, "author": book.author, "year": book.year, "reason": book.pitch})
    if body["messages"][-1]["role"] == "tool":
        return f"I looked it up: {said(body, 'tool')} So I would take “{book.title}” by {book.author}: {book.pitch}."
    task = prompt.partition("\n")[0].lower()
    if "summarise" in task or "summarize" in task:
        return _summary(prompt)
    if "translate into german" in task:
        return "Die Leser sind sich einig: Es ist ein Buch, das man in zwei Nächten liest und dann noch einmal beginnt."
    if "compare" in task:
        return f"Each is worth an evening. If it has to be one, begin with the first; “{book.title}” can wait."
    return (
        f"Try “{book.title}” by {book.author} ({book.year}): {book.pitch}. It is {_article(book.genre)} that people"
        " press into the hands of their friends. Read the first chapter, and you will know."
    )


def _summary(prompt: str) -> str:
    opinions = [line.strip(" -*•") for line in prompt.splitlines() if line.lstrip().startswith(("-", "*", "•"))]
    if not opinions:
        return "Readers say little so far, and what they say is kind."
    tone = ("Readers agree", "Most readers agree", "Readers differ, but agree")[number(prompt) % 3]
    return f"{tone} on this much: {opinions[0]} In {len(opinions)} reviews nobody was bored."


def _article(genre: str) -> str:
    return f"a {genre}" if genre in ("classic", "mystery") else f"a book of {genre}"


def tool_calls(body: Mapping[str, Any], index: int) -> list[dict[str, Any]]:
    """The calls that the model asks for: one of the first fitting tool, none once a tool has answered."""
    choice = body.get("tool_choice") or "auto"
    tools = [tool["function"] for tool in body.get("tools") or () if tool.get("type") == "function"]
    if isinstance(choice, Mapping):
        tools = [tool for tool in tools if tool["name"] == choice["function"]["name"]]
    if not tools or choice == "none" or (choice == "auto" and body["messages"][-1]["role"] == "tool"):
        return []
    prompt = said(body, "user")
    arguments = json.dumps(fitting(tools[0].get("parameters") or {}, prompt, index))
    identity = f"call_{number(prompt + arguments):016x}{index:08x}"
    return [{"id": identity, "type": "function", "function": {"name": tools[0]["name"], "arguments": arguments}}]


def fitting(schema: Mapping[str, Any], prompt: str, index: int) -> Any:
    """A value that fits a JSON schema, told by the names of its properties."""
    return _fitting(schema, schema.get("$defs", {}), "", choose(prompt, index), DEPTH)


def _fitting(schema: Mapping[str, Any], defined: Mapping[str, Any], name: str, book: Entry, depth: int) -> Any:
    def inner(part: Mapping[str, Any], name: str = name) -> Any:
        return _fitting(part, defined, name, book, depth - 1)

    if "$ref" in schema:
        return inner(defined[schema["$ref"].rpartition("/")[2]]) if depth else None
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return inner(schema[key][0] if depth else schema[key][-1])
    if "const" in schema or "enum" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {key: inner(part, key) for key, part in schema.get("properties", {}).items()} if depth else {}
    if kind == "array":
        return [inner(schema.get("items") or {})] if depth else []
    if kind in ("integer", "number"):
        return book.year if "year" in name else max(int(schema.get("minimum", 0)), 4)
    if kind == "boolean":
        return True
    return None if kind == "null" else _word(name, book)


def _word(name: str, book: Entry) -> str:
    facts = {"author": book.author, "genre": book.genre, "title": book.title, "name": book.title}
    return next((fact for key, fact in facts.items() if key in name), book.pitch)
