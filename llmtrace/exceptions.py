"""What llmtrace raises for mistakes that a person can correct; a provider's own errors pass through unchanged."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured


class LLMTraceError(Exception):
    """Base of every error that llmtrace raises on its own account."""


class ConfigurationError(LLMTraceError, ImproperlyConfigured):
    """A setting is wrong; the message names its full path, such as ``LLMTRACE["PROVIDERS"]["claude"]``."""


class PromptError(LLMTraceError, ValueError):
    """A prompt function returned what is no prompt, or a template names an unknown variable."""


class MissingDependencyError(LLMTraceError, ImportError):
    """An optional package is not installed; the message has the exact ``pip install`` line."""


class OutputError(LLMTraceError, ValueError):
    """An answer is not of the `response_model` that was asked for; `reply` has it as it came."""

    def __init__(self, message: str, reply: Any = None) -> None:
        super().__init__(message)
        self.reply = reply


class UnsupportedError(LLMTraceError, ValueError):
    """A call asks for what the provider's protocol does not have; nothing was sent."""
