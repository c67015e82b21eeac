"""One inference: a request to a provider, its span, and what comes back. Shared by the decorator and the client."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from opentelemetry.trace import SpanKind, StatusCode

from llmtrace import semconv
from llmtrace.calls.accounting import account, asked, failure
from llmtrace.calls.params import sent
from llmtrace.calls.plan import Plan
from llmtrace.calls.prompt import Prompt
from llmtrace.calls.reply import Reply
from llmtrace.exceptions import OutputError
from llmtrace.providers.base import Answer, Provider, Request
from llmtrace.tracing.call_span import CallSpan
from llmtrace.types import Message, Part


class Inference:
    """A request that is ready to be sent."""

    __slots__ = ("body", "name", "plan", "prompt", "provider", "request")

    def __init__(self, plan: Plan, prompt: Prompt, name: str | None = None) -> None:
        self.plan = plan
        self.prompt = prompt
        self.provider: Provider = plan.provider
        params, toolbox, parser = plan.params, plan.toolbox, plan.parser
        self.request = Request(
            plan.chosen_model(),
            prompt.messages,
            sent(params),
            () if toolbox is None else toolbox.specs,
            plan.stream,
            params.get("extra") or {},
            params.get("timeout"),
            params.get("max_retries"),
            None if parser is None else parser.schema,
        )
        self.body = self.provider.protocol.body(self.request)
        self.name = name or f"{self.provider.protocol.operation} {self.request.model}"

    def begin(self) -> CallSpan:
        """Start the span, with all that samplers need and all that is known before the answer."""
        provider = self.provider
        host, port = provider.server()
        attributes: dict[str, Any] = {semconv.OPERATION: provider.protocol.operation, semconv.PROVIDER: provider.name}
        if host is not None:
            attributes[semconv.SERVER_ADDRESS] = host
        if port is not None:
            attributes[semconv.SERVER_PORT] = port
        if self.request.stream:
            attributes[semconv.REQUEST_STREAM] = True
        attributes.update(asked(provider.protocol, self.body) or {})
        if self.prompt.name is not None:
            attributes[semconv.PROMPT_NAME] = self.prompt.name
        if self.prompt.version is not None:
            attributes[semconv.PROMPT_VERSION] = self.prompt.version
        span = CallSpan(self.name, attributes, SpanKind.CLIENT, self.plan.params.get("capture_content"))
        if span.content is not None:
            span.content.add(self._input, sum(map(_size, self.request.messages)) + self.prompt.size())
        return span

    def _input(self) -> dict[str, Any]:
        return {**self.provider.protocol.input(self.body), **self.prompt.content()}

    def finish(self, span: CallSpan, answer: Answer) -> Reply[Any]:
        """End the span with the answer, and make of it what the caller gets.

        Raises:
            OutputError: the answer is not what was asked for.
        """
        end_time = time.time_ns()  # what follows is not the model's time
        attributes, cost = self.outcome(span, answer)
        reply = self.reply(span, answer, cost)
        try:
            self.parse(reply)
        except BaseException as error:
            span.fail(error, attributes, end_time)
            raise
        span.end(attributes, StatusCode.UNSET if answer.failed is None else StatusCode.ERROR, end_time)
        return reply

    def parse(self, reply: Reply[Any]) -> None:
        """Read the answer as the type that was asked for. A model that asks for tools first has not answered yet."""
        plan = self.plan
        if plan.output_parser is not None:
            reply.parsed = plan.output_parser(reply)
        elif plan.parser is not None and not reply.tool_calls:
            try:
                reply.parsed = plan.parser.read(reply.text)
            except OutputError as error:
                error.reply = reply
                raise

    def outcome(self, span: CallSpan, answer: Answer) -> tuple[dict[str, Any], Decimal | None]:
        """Attributes of an answer, whole or so far, and its cost; its content goes beside the span."""
        attributes, cost = account(self.provider, self.request.model, answer)
        reasons = answer.finish_reasons
        if reasons:
            attributes[semconv.RESPONSE_FINISH_REASONS] = reasons
        if answer.failed is not None:
            attributes[semconv.ERROR_TYPE] = answer.failed
        if span.content is not None and answer.choices:
            span.content.add(lambda: {semconv.OUTPUT_MESSAGES: self.provider.protocol.output(answer)}, answer.size)
        return attributes, cost

    def reply(self, span: CallSpan, answer: Answer, cost: Decimal | None) -> Reply[Any]:
        """The answer for the caller, its tool calls bound to their functions. The span keeps it as it came."""
        toolbox, parser, choices = self.plan.toolbox, self.plan.parser, answer.choices
        if parser is not None:
            choices = [parser.told(choice) for choice in choices]
        if toolbox:
            bound = partial(toolbox.bound, capture=self.plan.params.get("capture_content"))
            choices = [replace(each, tool_calls=[*map(bound, each.tool_calls)]) for each in choices]
        if choices is not answer.choices:
            answer = replace(answer, choices=choices)
        return Reply(answer, self.request.messages, cost, span.trace_id, span.span_id, None)

    def run(self) -> Reply[Any]:
        """Send and wait. The provider's exceptions pass unchanged."""
        span = self.begin()
        try:
            with span:
                answer = self.provider.send(self.body, self.request)
        except BaseException as error:
            span.fail(error, failure(self.provider, error))
            raise
        return self.finish(span, answer)

    async def arun(self) -> Reply[Any]:
        """Send and await. The provider's exceptions pass unchanged."""
        span = self.begin()
        try:
            with span:
                answer = await self.provider.asend(self.body, self.request)
        except BaseException as error:
            span.fail(error, failure(self.provider, error))
            raise
        return self.finish(span, answer)


def _size(message: Any) -> int:
    """About how many bytes a message holds."""
    content = message.content if isinstance(message, Message) else message.get("content")
    if isinstance(content, str):
        return len(content)
    if not isinstance(content, (list, tuple)):
        return 0
    return sum(len(part) if isinstance(part, str) else _part_size(part) for part in content)


def _part_size(part: Any) -> int:
    if isinstance(part, Mapping):
        return sum(len(value) for value in part.values() if isinstance(value, str))
    return len(part.text or "") + len(part.data or b"") if isinstance(part, Part) else 0
