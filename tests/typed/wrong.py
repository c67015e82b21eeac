"""Mistakes that a type checker finds, each on a line that names mypy's code for it. Only type-checked, never run."""

from llmtrace import LLM, Message, llm_call


@llm_call("gpt-4o-mini")
def recommend_book(genre: str) -> str:
    return f"Recommend a {genre} book"


def mistakes() -> None:
    recommend_book(7)  # E: arg-type
    recommend_book("fantasy", "novel")  # E: call-arg
    str(recommend_book("fantasy").txt)  # E: attr-defined
    LLM("gpt-4o-mini").chat("Recommend a book", temprature=0.2)  # E: call-overload
    Message(role="librarian", content="Hello")  # E: arg-type
    llm_call("gpt-4o-mini", temperature="hot")  # E: call-overload
