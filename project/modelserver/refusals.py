"""What the host refuses, in its own words.

The wordings are those of api.openai.com as people quote them in public issue threads and recorded exchanges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from project.modelserver.models import MODELS, Model

ROLES: Final = ("system", "assistant", "user", "function", "tool", "developer")
FORMATS: Final = ("json_object", "json_schema", "text")
CHAT_KEYS: Final = frozenset(
    {"audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens"}
    | {"max_tokens", "messages", "metadata", "modalities", "model", "n", "parallel_tool_calls", "prediction"}
    | {"presence_penalty", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "response_format"}
    | {"safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature"}
    | {"tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options"}
)
RANGES: Final = {"temperature": (0, 2), "top_p": (0, 1), "frequency_penalty": (-2, 2), "presence_penalty": (-2, 2)}

NO_KEY: Final = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth"
    " (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the API"
    " from your browser and are prompted for a username and password."
    " You can obtain an API key from https://platform.openai.com/account/api-keys."
)


@dataclass
class Refusal(Exception):
    """An answer that is an error: its HTTP status and the fields of the host's error body."""

    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The error as the host writes it."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


def check_key(authorization: str | None) -> None:
    """Raise a `Refusal` unless the header brings a key that looks like one."""
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refusal(401, NO_KEY)
    if not key.startswith("sk-"):
        shown = key[:4] + "*" * 8 + key[-4:] if len(key) > 12 else "*" * len(key)
        message = f"Incorrect API key provided: {shown}. You can find your API key at https://platform.openai.com/account/api-keys."
        raise Refusal(401, message, code="invalid_api_key")


def check_model(body: Mapping[str, Any], *, embeds: bool) -> Model:
    """The model that is asked for; a `Refusal` when none is named, or none of that name does what is asked."""
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise Refusal(400, "you must provide a model parameter")
    model = MODELS.get(name)
    if model is None:
        missing = f"The model `{name}` does not exist or you do not have access to it."
        raise Refusal(404, missing, code="model_not_found")
    if embeds and model.dimensions is None:
        raise Refusal(403, f"You are not allowed to generate embeddings from this model: {name}")
    if not embeds and model.dimensions is not None:
        message = "This is not a chat model and thus not supported in the v1/chat/completions endpoint."
        raise Refusal(404, message, param="model")
    return model


def check_chat(body: Mapping[str, Any]) -> Model:
    """The model of a chat request that the host would accept; else a `Refusal`."""
    model = check_model(body, embeds=False)
    unknown = sorted(body.keys() - CHAT_KEYS)
    if unknown:
        raise Refusal(400, f"Unrecognized request argument supplied: {unknown[0]}")
    _check_messages(body)
    for name, (low, high) in RANGES.items():
        _check_range(name, body.get(name), low, high)
    if model.reasons:
        _check_reasoning(body)
    _check_format(body)
    if body.get("stream_options") is not None and not body.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise Refusal(400, message, param="stream_options")
    return model


def _check_messages(body: Mapping[str, Any]) -> None:
    messages = body.get("messages")
    if messages is None:
        message = "Missing required parameter: 'messages'."
        raise Refusal(400, message, param="messages", code="missing_required_parameter")
    if not isinstance(messages, list):
        message = f"Invalid type for 'messages': expected an array of objects, but got {_kind(messages)} instead."
        raise Refusal(400, message, param="messages", code="invalid_type")
    if not messages:
        wanted = "Expected an array with minimum length 1, but got an empty array instead."
        message = f"Invalid 'messages': empty array. {wanted}"
        raise Refusal(400, message, param="messages", code="empty_array")
    asked: set[str] = set()
    for index, given in enumerate(messages):
        _check_message(index, given, asked)
    if asked:
        message = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
            f" 'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(sorted(asked))}"
        )
        raise Refusal(400, message, param="messages")


def _check_message(index: int, given: Any, asked: set[str]) -> None:
    where = f"messages[{index}]"
    if not isinstance(given, Mapping):
        message = f"Invalid type for '{where}': expected an object, but got {_kind(given)} instead."
        raise Refusal(400, message, param=where, code="invalid_type")
    role = given.get("role")
    if role is None:
        message = f"Missing required parameter: '{where}.role'."
        raise Refusal(400, message, param=f"{where}.role", code="missing_required_parameter")
    if role not in ROLES:
        known = ", ".join(f"'{r}'" for r in ROLES[:-1]) + f", and '{ROLES[-1]}'"
        message = f"Invalid value: '{role}'. Supported values are: {known}."
        raise Refusal(400, message, param=f"{where}.role", code="invalid_value")
    if role == "tool":
        if given.get("tool_call_id") not in asked:
            message = (
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with"
                " 'tool_calls'."
            )
            raise Refusal(400, message, param=f"{where}.role")
        asked.discard(given["tool_call_id"])
    elif role == "assistant":
        asked.update(call["id"] for call in given.get("tool_calls") or ())
    if given.get("content") is None and role != "assistant":
        message = f"Invalid value for 'content': expected a string, got null. (param: {where}.content)"
        raise Refusal(400, message, param=f"{where}.content")


def _check_range(name: str, value: Any, low: float, high: float) -> None:
    if value is None:
        return
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        message = f"Invalid type for '{name}': expected a decimal, but got {_kind(value)} instead."
        raise Refusal(400, message, param=name, code="invalid_type")
    if value > high:
        message = f"Invalid '{name}': decimal above maximum value. Expected a value <= {high}, but got {value} instead."
        raise Refusal(400, message, param=name, code="decimal_above_max_value")
    if value < low:
        message = f"Invalid '{name}': decimal below minimum value. Expected a value >= {low}, but got {value} instead."
        raise Refusal(400, message, param=name, code="decimal_below_min_value")


def _check_reasoning(body: Mapping[str, Any]) -> None:
    if body.get("max_tokens") is not None:
        message = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        raise Refusal(400, message, param="max_tokens", code="unsupported_parameter")
    if body.get("temperature") not in (None, 1):
        message = (
            f"Unsupported value: 'temperature' does not support {body['temperature']} with this model."
            " Only the default (1) value is supported."
        )
        raise Refusal(400, message, param="temperature", code="unsupported_value")


def _check_format(body: Mapping[str, Any]) -> None:
    wanted = body.get("response_format")
    if wanted is None:
        return
    kind = wanted.get("type") if isinstance(wanted, Mapping) else wanted
    if kind not in FORMATS:
        message = f"Invalid value: '{kind}'. Supported values are: 'json_object', 'json_schema', and 'text'."
        raise Refusal(400, message, param="response_format.type", code="invalid_value")
    if kind == "json_object" and "json" not in str(body["messages"]).lower():
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
        raise Refusal(400, message, param="messages")


def _kind(value: Any) -> str:
    return {type(None): "null", str: "a string", list: "an array", dict: "an object"}.get(type(value), "a number")
