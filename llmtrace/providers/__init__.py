"""Who answers: one file for each wire protocol. ``LLMTRACE["PROVIDERS"]`` names these classes as ``BACKEND``."""

from llmtrace.providers.anthropic import Anthropic
from llmtrace.providers.openai import OpenAI

__all__ = ["Anthropic", "OpenAI"]
