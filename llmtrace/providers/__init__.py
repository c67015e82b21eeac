"""Who answers: one file for each wire protocol. The classes here are what ``LLMTRACE["PROVIDERS"]`` names as ``BACKEND``."""

from llmtrace.providers.openai import OpenAI

__all__ = ["OpenAI"]
