"""From a plan and a prompt to what the caller gets: one inference or a story of several, whole or streamed."""

from __future__ import annotations

from typing import Any

from llmtrace.calls import rounds
from llmtrace.calls.inference import Inference
from llmtrace.calls.plan import Plan
from llmtrace.calls.prompt import Prompt
from llmtrace.calls.reply import Reply


def prepared(plan: Plan, prompt: Prompt) -> Plan:
    """The plan with what the prompt brings: parameters, another model or provider."""
    if not prompt.params:
        return plan
    params = dict(prompt.params)
    return plan.with_(params.pop("model", None), params.pop("provider", None), params)


def made(plan: Plan, prompt: Prompt, name: str | None) -> Reply[Any]:
    """Call and wait; `name` is the span's, that of the inference if None."""
    plan = prepared(plan, prompt)
    return rounds.run(plan, prompt, name) if plan.composite else Inference(plan, prompt, name).run()


async def amade(plan: Plan, prompt: Prompt, name: str | None) -> Reply[Any]:
    """Call and await."""
    plan = prepared(plan, prompt)
    if plan.composite:
        return await rounds.arun(plan, prompt, name)
    return await Inference(plan, prompt, name).arun()


def opened(plan: Plan, prompt: Prompt, name: str | None) -> Inference:
    """The inference of a stream."""
    return Inference(prepared(plan, prompt), prompt, name)
