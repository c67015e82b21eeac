"""Bedrock's Converse protocol: pure, from our request to its parameters and from its answers to ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from llmtrace import semconv
from llmtrace.exceptions import UnsupportedError
from llmtrace.providers.base import Answer, ChatProtocol, Request, Schema
from llmtrace.providers.bedrock_reading import NATIVE, ConverseReader, answer
from llmtrace.providers.bedrock_rendering import defined, rendered
from llmtrace.providers.messages import JSON_REQUEST, as_message, function_of, parts
from llmtrace.providers.reading import objects, part_of, words
from llmtrace.types import Message, Part, ToolCall

SENT: Final = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "topP": semconv.REQUEST_TOP_P,
    "maxTokens": semconv.REQUEST_MAX_TOKENS,
}
CONFIG: Final = {"temperature": "temperature", "top_p": "topP", "max_tokens": "maxTokens"}
DOCUMENTS: Final = {
    "text/plain": "txt",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
"""Formats of documents that are not the second half of their MIME type."""


class Converse(ChatProtocol):
    """The protocol, the same for every model that Bedrock hosts."""

    def body(self, request: Request) -> dict[str, Any]:
        params = request.params
        if "seed" in params:
            raise UnsupportedError("Bedrock's Converse has no 'seed': leave it out, or use the model's own in extra.")
        messages = [as_message(each) for each in request.messages]
        sent: dict[str, Any] = {
            "modelId": request.model,
            "messages": numbered(merged(turn(each) for each in messages if each.role not in ("system", "developer"))),
        }
        system = [part for each in messages if each.role in ("system", "developer") for part in parts(each)]
        texts = [each if isinstance(each, str) else each.text or "" for each in system]
        if params.get("json_mode"):
            texts.append(JSON_REQUEST)
        if texts:
            sent["system"] = [{"text": text} for text in texts]
        config = {CONFIG[name]: params[name] for name in CONFIG if name in params}
        if "stop" in params:
            stop = params["stop"]
            config["stopSequences"] = [stop] if isinstance(stop, str) else list(stop)
        if config:
            sent["inferenceConfig"] = config
        tools = [tool(each) for each in request.tools]
        choice = tool_choice(params.get("tool_choice"))
        if request.schema is not None:
            choice = choice or ({"any": {}} if tools else {"tool": {"name": request.schema.name}})
            tools.append(schema_tool(request.schema))
        # Converse has no word for "none": the tools themselves are left out.
        if tools and choice != "none":
            sent["toolConfig"] = {"tools": tools, **({"toolChoice": choice} if choice else {})}
        sent.update(request.extra)
        return sent

    def request_attributes(self, body: Mapping[str, Any]) -> dict[str, Any]:
        attributes: dict[str, Any] = {semconv.REQUEST_MODEL: str(body["modelId"])}
        config = part_of(body, "inferenceConfig")
        for name, value in config.items():
            if name in SENT and isinstance(value, (bool, int, float)):
                attributes[SENT[name]] = value
        stop = words(config.get("stopSequences"))
        if stop:
            attributes[semconv.REQUEST_STOP_SEQUENCES] = stop
        return attributes

    def input(self, body: Mapping[str, Any]) -> dict[str, Any]:
        content: dict[str, Any] = {semconv.INPUT_MESSAGES: [rendered(each) for each in objects(body.get("messages"))]}
        if body.get("system"):
            texts = [each.get("text") for each in objects(body["system"])]
            content[semconv.SYSTEM_INSTRUCTIONS] = [{"type": "text", "content": text} for text in texts if text]
        tools = objects(part_of(body, "toolConfig").get("tools"))
        if tools:
            content[semconv.TOOL_DEFINITIONS] = [defined(each) for each in tools]
        return content

    def answer(self, data: Any) -> Answer:
        return answer(data)

    def reader(self) -> ConverseReader:
        return ConverseReader()


def turn(message: Message) -> dict[str, Any]:
    """A message in their form: a tool's result is said by the user."""
    if message.role == "tool":
        result = {"toolUseId": message.tool_call_id, "content": [{"text": message.text}]}
        return {"role": "user", "content": [{"toolResult": result}]}
    if message.native is not None and NATIVE in message.native:
        return {"role": message.role, "content": list(message.native[NATIVE])}
    return {
        "role": message.role,
        "content": [*(block(each) for each in parts(message)), *(tool_use(call) for call in message.tool_calls)],
    }


def merged(turns: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The turns with neighbours of one role in one: roles have to take turns.

    Source: Amazon Bedrock, API reference, Message.
    """
    joined: list[dict[str, Any]] = []
    for each in turns:
        if joined and joined[-1]["role"] == each["role"]:
            joined[-1]["content"].extend(each["content"])
        else:
            joined.append(each)
    return joined


def numbered(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The turns with a name of its own for each document: two of one name are refused.

    Source: aws-samples/generative-ai-use-cases#1685, "Messages can't contain duplicate document names."
    """
    documents = (each["document"] for sent in turns for each in sent["content"] if "document" in each)
    for number, document in enumerate(documents, 1):
        document["name"] = f"document {number}"
    return turns


def block(part: Part | str) -> dict[str, Any]:
    """One part of a message's content."""
    if isinstance(part, str):
        return {"text": part}
    if part.type in ("image", "document", "audio"):
        return {part.type: medium(part)}
    return {"text": part.text or ""}


def medium(part: Part) -> dict[str, Any]:
    """An image, sound or document: its bytes, or where it lies in S3."""
    if part.data is not None:
        source: dict[str, Any] = {"bytes": part.data}
    elif (part.uri or "").startswith("s3://"):
        source = {"s3Location": {"uri": part.uri}}
    else:
        raise UnsupportedError("Bedrock takes media as bytes or as an s3:// URI.")
    mime = part.mime_type or ""
    form = DOCUMENTS.get(mime) or mime.rpartition("/")[2]
    if part.type == "document":
        return {"format": form or "pdf", "source": source}
    return {"format": {"jpg": "jpeg", "mpeg": "mp3"}.get(form, form), "source": source}


def tool_use(call: ToolCall) -> dict[str, Any]:
    """A call that the model asked for, sent back to it."""
    return {"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.arguments}}


def tool(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's definition; OpenAI's form and the bare function are brought into theirs."""
    spec = function_of(spec)
    if "parameters" not in spec:
        return dict(spec)
    described = {"description": spec["description"]} if spec.get("description") else {}
    return {"toolSpec": {"name": spec["name"], **described, "inputSchema": {"json": spec["parameters"]}}}


def schema_tool(schema: Schema) -> dict[str, Any]:
    """The tool whose input is the answer: what every model with tools can give."""
    description = schema.description or "Gives the answer in the form that was asked for."
    return tool({"name": schema.name, "description": description, "parameters": schema.schema})


def tool_choice(value: Any) -> Any:
    """OpenAI's words for it in theirs; a name is the one tool to call."""
    if not isinstance(value, str) or value == "none":
        return value
    if value in ("auto", "any", "required"):
        return {"auto" if value == "auto" else "any": {}}
    return {"tool": {"name": value}}
