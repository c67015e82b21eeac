"""Calls of more than one inference: tool rounds, repaired answers, fallbacks; one story for sync and async code."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from typing import Any

from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from llmtrace import semconv
from llmtrace.calls.inference import Inference
from llmtrace.calls.plan import Plan
from llmtrace.calls.prompt import Prompt
from llmtrace.calls.reply import Reply
from llmtrace.calls.tools import complaint
from llmtrace.exceptions import LLMTraceError, OutputError
from llmtrace.jsontext import as_json
from llmtrace.providers.base import AnyMessage
from llmtrace.tracing.call_span import CallSpan
from llmtrace.types import Message, ToolCall

INVOKE_AGENT = "invoke_agent"


class ToolStep:
    """A tool that the model has asked for."""

    def __init__(self, call: ToolCall) -> None:
        self.call = call

    def run(self) -> Any:
        result = self.call.run()
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError(f"The tool {self.call.name} is async: make the call that runs it async, too.")
        return result

    async def arun(self) -> Any:
        return await self.call.arun()


Step = Inference | ToolStep
Story = Generator[Step, Any, Reply[Any]]


def story(plan: Plan, prompt: Prompt) -> Story:
    """The inferences and tool runs of a call, each as its result is known."""
    plans = [plan, *(plan.with_(model, provider, {}) for provider, model in plan.fallback)]
    for index, each in enumerate(plans):
        conversation = Conversation(each, prompt)
        try:
            return (yield from conversation.held())
        except Exception as error:
            if conversation.in_tool or index == len(plans) - 1 or is_mistake(error):
                raise
    raise AssertionError("a story has at least one plan")


def is_mistake(error: Exception) -> bool:
    """Whether the call is wrong, and not the provider's answer to it: no other provider makes up for that, as for what
    a tool of the host raises."""
    return isinstance(error, LLMTraceError) and not isinstance(error, OutputError)


class Conversation:
    """What is said with one model."""

    def __init__(self, plan: Plan, prompt: Prompt) -> None:
        self._plan = plan
        self._prompt = prompt
        self._messages: list[AnyMessage] = list(prompt.messages)
        self.in_tool = False

    def held(self) -> Story:
        rounds, repairs = self._plan.rounds, self._plan.repairs
        while True:
            try:
                reply: Reply[Any] = yield Inference(self._plan, self._next())
            except OutputError as error:
                if not repairs or error.reply is None:
                    raise
                repairs -= 1
                self._messages += [error.reply.message, Message.user(f"{error}\nAnswer again, and mend that.")]
                continue
            if not reply.tool_calls or not rounds:
                return reply
            rounds -= 1
            self._messages.append(reply.message)
            for call in reply.tool_calls:
                result = yield from self._ran(call)
                self._messages.append(Message.tool(result, call.id or "", call.name))

    def _next(self) -> Prompt:
        return Prompt(tuple(self._messages), self._prompt.name, self._prompt.version, params=self._prompt.params)

    def _ran(self, call: ToolCall) -> Generator[Step, Any, str]:
        """The tool's result as a text for the model, or what is wrong with its call."""
        if call.function is None or (not call.arguments and call.raw_arguments not in (None, "", "{}")):
            return complaint(call)
        self.in_tool = True
        try:
            result = yield ToolStep(call)
        except ValidationError as error:
            self.in_tool = False
            return complaint(call, error)
        self.in_tool = False
        return result if isinstance(result, str) else as_json(result)


class Outer:
    """The span of the whole call: the function's, with neither usage nor cost, which its inferences have."""

    def __init__(self, plan: Plan, prompt: Prompt, name: str | None) -> None:
        attributes: dict[str, Any] = {}
        if plan.rounds:
            attributes[semconv.OPERATION] = INVOKE_AGENT
            if name is not None:
                attributes[semconv.AGENT_NAME] = name
        if prompt.name is not None:
            attributes[semconv.PROMPT_NAME] = prompt.name
        if prompt.version is not None:
            attributes[semconv.PROMPT_VERSION] = prompt.version
        shown = name or plan.where
        label = f"{INVOKE_AGENT} {shown}" if plan.rounds and name is None else shown
        self.span = CallSpan(label, attributes, SpanKind.INTERNAL, plan.params.get("capture_content"))
        if self.span.content is not None:
            self.span.content.add(prompt.content, prompt.size())

    def told(self, reply: Reply[Any]) -> Reply[Any]:
        """End the span; the reply is that of the whole call from now on."""
        self.span.end()
        reply.trace_id, reply.span_id = self.span.trace_id, self.span.span_id
        return reply


def run(plan: Plan, prompt: Prompt, name: str | None) -> Reply[Any]:
    """Tell the story and wait."""
    outer, steps = Outer(plan, prompt, name), story(plan, prompt)
    try:
        with outer.span:
            step = next(steps)
            while True:
                try:
                    result = step.run()
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
    except StopIteration as told:
        return outer.told(told.value)
    except BaseException as error:
        outer.span.fail(error)
        raise


async def arun(plan: Plan, prompt: Prompt, name: str | None) -> Reply[Any]:
    """Tell the story and await it."""
    outer, steps = Outer(plan, prompt, name), story(plan, prompt)
    try:
        with outer.span:
            step = next(steps)
            while True:
                try:
                    result = await step.arun()
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
    except StopIteration as told:
        return outer.told(told.value)
    except BaseException as error:
        outer.span.fail(error)
        raise
