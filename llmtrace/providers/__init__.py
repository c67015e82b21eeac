"""Who answers: one file for each wire protocol. ``LLMTRACE["PROVIDERS"]`` names these classes as ``BACKEND``."""

from llmtrace.providers.anthropic import Anthropic
from llmtrace.providers.bedrock import Bedrock
from llmtrace.providers.cohere import Cohere
from llmtrace.providers.fake import Fake, FakeReply
from llmtrace.providers.google import Google
from llmtrace.providers.openai import OpenAI

__all__ = ["Anthropic", "Bedrock", "Cohere", "Fake", "FakeReply", "Google", "OpenAI"]
