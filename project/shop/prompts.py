"""What the shop asks models, in each of the four ways of writing a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from llmtrace import Message, llm_call, prompt_template

MODEL: str = settings.SHOP_MODEL

RULES = (
    "You work in a small bookshop. Recommend one book, say in two sentences why, and never more than one."
    " Be warm and plain."
)


@llm_call(MODEL, temperature=0.7, max_tokens=300)
def recommend(wish: str, reader: str, turns: Sequence[tuple[str, str]] = ()) -> list[Message]:
    """Messages: what was said before in this conversation goes along."""
    said = [m for wish, answer in turns for m in (Message.user(wish), Message.assistant(answer))]
    return [Message.system(f"{RULES} You speak with {reader}."), *said, Message.user(wish)]


TELLING = """
SYSTEM: You work in a small bookshop. You speak with {reader}.
USER: {wish}
"""


@llm_call(MODEL, temperature=0.7, stream=True)
@prompt_template(TELLING)
def tell(wish: str, reader: str) -> None:
    """A string template, streamed."""


@llm_call(MODEL, temperature=0.7, stream=True)
@prompt_template(TELLING)
async def atell(wish: str, reader: str) -> None:
    """The same, for async views."""


@llm_call(MODEL, temperature=0)
def summarise(title: str, reviews: str) -> str:
    """Shorthand: the text of one user message."""
    return f"Summarise in two sentences what readers say of “{title}”:\n{reviews}"


@llm_call(MODEL, temperature=0)
def translate(text: str, language: str) -> list[Message]:
    """Base message parameters."""
    return [Message(role="user", content=f"Translate into {language}, and say nothing else:\n{text}")]


@llm_call(MODEL, temperature=0)
def compare(summaries: Sequence[str]) -> list[dict[str, Any]]:
    """The same as plain dicts, in OpenAI's form."""
    listed = "\n".join(f"{number}. {text}" for number, text in enumerate(summaries, 1))
    return [{"role": "user", "content": f"Which of these books should one read first? Compare them.\n{listed}"}]


@llm_call(settings.SHOP_MISSING_MODEL)
def ask_missing_model(wish: str) -> str:
    """A call that every provider rejects: nobody has this model."""
    return wish
