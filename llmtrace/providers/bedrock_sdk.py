"""boto3 as llmtrace uses it: a client that tells of its retries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from llmtrace.providers.attempts import attempts, call_begins

SERVICE = "bedrock-runtime"


def client(
    session: Mapping[str, Any],
    base_url: str | None,
    api_key: str | None,
    headers: Mapping[str, str],
    timeout: float | None,
    max_retries: int | None,
) -> Any:
    """A client of the service."""
    options: dict[str, Any] = {}
    if timeout is not None:
        options |= {"read_timeout": timeout, "connect_timeout": timeout}
    if max_retries is not None:
        options["retries"] = {"total_max_attempts": max_retries + 1}
    if api_key is not None:
        options["signature_version"] = UNSIGNED
        headers = {**headers, "Authorization": f"Bearer {api_key}"}
    made = boto3.Session(**session).client(SERVICE, endpoint_url=base_url, config=Config(**options))
    events = made.meta.events
    events.register(f"before-call.{SERVICE}", _call_begins)
    events.register(f"needs-retry.{SERVICE}", _attempt_ended)
    events.register(f"before-send.{SERVICE}", _attempt_begins)
    if headers:
        events.register(f"before-send.{SERVICE}", lambda request, **_: request.headers.update(headers))
    return made


def _call_begins(**_: Any) -> None:
    call_begins()


def _attempt_begins(**_: Any) -> None:
    attempts().begins()


def _attempt_ended(response: Any = None, caught_exception: BaseException | None = None, **_: Any) -> None:
    attempts().ended(response[0].status_code if response is not None else None, caught_exception)
