"""What people call: the decorator, the client, prompts, tools, structured output, streams."""

from llmtrace.calls.client import LLM
from llmtrace.calls.decorator import llm_call
from llmtrace.calls.prompt import prompt_template
from llmtrace.calls.reply import Reply
from llmtrace.calls.stream import AsyncStream, Stream
from llmtrace.calls.tools import Tool, tool
from llmtrace.providers.base import Chunk

__all__ = ["LLM", "AsyncStream", "Chunk", "Reply", "Stream", "Tool", "llm_call", "prompt_template", "tool"]
