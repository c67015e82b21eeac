"""One prompt in the four styles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from llmtrace import Message, llm_call, prompt_template

TEMPLATE: Final = """
    SYSTEM: You are a librarian
    USER: Recommend a {genre} book
"""
SYSTEM: Final = ("system", "You are a librarian")
USER: Final = ("user", "Recommend a fantasy book")
HISTORY: Final = (("user", "Hello"), ("assistant", "Good day. What do you like to read?"))
TURNS: Final = {
    "shorthand": (USER,),
    "messages": (SYSTEM, USER),
    "template": (SYSTEM, USER),
    "message params": (SYSTEM, *HISTORY, USER),
}


def functions(model: str, **params: Any) -> dict[str, Callable[[str], Any]]:
    """The prompt functions by their style."""
    decorate: Callable[[Any], Any] = llm_call(model, **params)

    @decorate
    def shorthand(genre: str) -> str:
        return f"Recommend a {genre} book"

    @decorate
    def messages(genre: str) -> list[Message]:
        return [Message.system("You are a librarian"), Message.user(f"Recommend a {genre} book")]

    @decorate
    @prompt_template(TEMPLATE)
    def template(genre: str) -> None: ...

    @decorate
    def message_params(genre: str) -> list[Any]:
        return [
            Message(role="system", content="You are a librarian"),
            *({"role": role, "content": content} for role, content in HISTORY),
            {"role": "user", "content": [{"type": "text", "text": f"Recommend a {genre} book"}]},
        ]

    return {"shorthand": shorthand, "messages": messages, "template": template, "message params": message_params}
