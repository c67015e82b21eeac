"""Anthropic, through its SDK."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from llmtrace.conf.kinds import Kind
from llmtrace.conf.options import PROVIDER
from llmtrace.providers.anthropic_messages import PATH, Messages
from llmtrace.providers.missing import key_from, missing_key, needed
from llmtrace.providers.stainless import StainlessProvider


class Anthropic(StainlessProvider):
    """Anthropic.

    Args:
        api_key: the key; without it ``ANTHROPIC_API_KEY``.
        base_url: where the API is; without it ``ANTHROPIC_BASE_URL`` or Anthropic itself.
        timeout: seconds for one attempt.
        max_retries: how often the SDK tries again.
        headers: more HTTP headers for each request.
        model: the model of calls that name none.
        http_client: an HTTP client for the SDK, sync or async, or a list of one of each.
    """

    name: ClassVar[str] = "anthropic"
    price_id: ClassVar[str] = "anthropic"
    sync_class: ClassVar[str] = "Anthropic"
    async_class: ClassVar[str] = "AsyncAnthropic"
    option_kinds: ClassVar[Mapping[str, Kind]] = PROVIDER
    path = PATH

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        model: str | None = None,
        http_client: Any = None,
    ) -> None:
        given = {
            "api_key": api_key,
            "base_url": base_url,
            "timeout": timeout,
            "max_retries": max_retries,
            "default_headers": headers,
        }
        super().__init__(model=model, http_client=http_client, options=given)
        self.protocol = Messages()

    @classmethod
    @cache
    def sdk(cls) -> Any:
        with needed("anthropic", "anthropic"):
            from llmtrace.providers import anthropic_sdk

        return anthropic_sdk

    def client_options(self) -> dict[str, Any]:
        if "api_key" not in self._options and key_from("Anthropic", "ANTHROPIC_API_KEY") is None:
            raise missing_key("Anthropic", "ANTHROPIC_API_KEY")
        # The SDK would make a span of its own beside ours, and send `traceparent` to the provider.
        return {**self._options, "open_telemetry": False}

    def built(self, data: Any, response: Any) -> Any:
        return self.sdk().built(data, response)
