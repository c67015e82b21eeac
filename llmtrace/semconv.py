"""Every attribute name that llmtrace writes or reads, once.

The names follow the OpenTelemetry GenAI semantic conventions, which live in a repository of their own
(`semantic-conventions-genai`) and have no package; names under ``llmtrace.`` are ours, for what the conventions
have no name for.
"""

import re
from functools import lru_cache
from typing import Final

# Generative AI: what was asked
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_PREVIOUS_RESPONSE_ID: Final = "gen_ai.request.previous_response.id"
REQUEST_OTHER: Final = "llmtrace.request."  # a prefix, for parameters that the conventions do not name
OUTPUT_TYPE: Final = "gen_ai.output.type"
AGENT_NAME: Final = "gen_ai.agent.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
EMBEDDINGS_DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"

# Generative AI: what came back
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"  # seconds
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"  # includes the cached ones
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"  # includes the reasoning ones
USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"

# Content: travels beside the span unless EXPOSE_CONTENT
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
PROMPT_VARIABLE: Final = "gen_ai.prompt.variable."  # a prefix: one attribute for each variable
PROMPT_TEMPLATE: Final = "llmtrace.prompt.template"

PROMPT_NAME: Final = "gen_ai.prompt.name"
PROMPT_VERSION: Final = "gen_ai.prompt.version"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"

# The provider's own
ANTHROPIC_SERVICE_TIER: Final = "anthropic.response.service_tier"
OPENAI_API_TYPE: Final = "openai.api.type"
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OPENAI_RESPONSE_SYSTEM_FINGERPRINT: Final = "openai.response.system_fingerprint"

# General
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
ERROR_TYPE_OTHER: Final = "_OTHER"
USER_ID: Final = "user.id"
SESSION_ID: Final = "session.id"
SERVICE_NAME: Final = "service.name"
HTTP_STATUS: Final = "http.response.status_code"
HTTP_ROUTE: Final = "http.route"
EXCEPTION_EVENT: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

# Jobs
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_OPERATION: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_DESTINATION: Final = "messaging.destination.name"
MESSAGING_MESSAGE_ID: Final = "messaging.message.id"
CELERY_TASK: Final = "celery.task_name"
CELERY_STATE: Final = "celery.state"
CODE_FUNCTION: Final = "code.function.name"  # the task of Django's own framework, by its module's path

# Ours
PARENT_OUTSIDE: Final = "llmtrace.parent.outside"  # True where the parent is a span of somebody without llmtrace
COST: Final = "llmtrace.cost"  # USD
TAGS: Final = "llmtrace.tags"
METADATA: Final = "llmtrace.metadata."  # a prefix
STREAM_OUTCOME: Final = "llmtrace.stream.outcome"
RETRY_EVENT: Final = "llmtrace.retry"
RETRY_ATTEMPT: Final = "attempt"
RETRY_WAIT: Final = "wait_s"
JOB_ATTEMPT: Final = "llmtrace.job.attempt"  # 1 for the first
JOB_QUEUE_TIME: Final = "llmtrace.job.queue_time"  # seconds in the queue, without the delay that was asked for
JOB_DELAY: Final = "llmtrace.job.delay"  # seconds from publish to the countdown or eta that was asked for
JOB_STATE: Final = "llmtrace.job.state"  # of a task of Django's own framework, in its words
JOB_REDELIVERED: Final = "llmtrace.job.redelivered"  # True where the broker delivered the message before
JOB_SCHEDULE: Final = "llmtrace.job.schedule"  # the name of beat's schedule by which a job was sent
JOB_REASON: Final = "llmtrace.job.reason"  # why a job did not run, or did not end by itself
INCOMPLETE: Final = "llmtrace.incomplete"  # True where what a span was given after its begin died with its process
JOB_PARENT_ID: Final = "llmtrace.job.parent_id"
JOB_ROOT_ID: Final = "llmtrace.job.root_id"
JOB_GROUP_ID: Final = "llmtrace.job.group_id"
JOB_CHORD_ID: Final = "llmtrace.job.chord_id"  # on the jobs of a chord's header: the task id of its body

# What people thought of an answer
EVALUATION_NAME: Final = "gen_ai.evaluation.name"
EVALUATION_SCORE: Final = "gen_ai.evaluation.score.value"
EVALUATION_LABEL: Final = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"

CONTENT_ATTRIBUTES: Final = frozenset(
    {
        INPUT_MESSAGES,
        OUTPUT_MESSAGES,
        SYSTEM_INSTRUCTIONS,
        TOOL_DEFINITIONS,
        TOOL_CALL_ARGUMENTS,
        TOOL_CALL_RESULT,
        PROMPT_TEMPLATE,
        EVALUATION_EXPLANATION,
    }
)
"""Attributes that hold what people and models wrote; `is_content` adds the prompt's variables."""

_CONTENT_OF_OTHERS: Final = re.compile(
    r"""
    gen_ai\.(prompt|completion)(\.\d+\..*)?
    | llm\.(input|output)_messages\..* | llm\.(prompts|completions|tools) | llm\.prompt_template\.(template|variables)
    | (input|output)\.value | traceloop\.entity\.(input|output) | tool\.parameters
    | (embedding\.embeddings|retrieval\.documents)\..*
    | ai\.(prompt|response\.(text|object|toolCalls)|toolCall\.(args|result)) (\..*)?
    | (pydantic_ai\.)?all_messages(_events)? | tool_(arguments|response) | final_result
    | langfuse\.(observation|trace)\.(input|output)
    """,
    re.VERBOSE,
)
_CONTENT_EVENT: Final = re.compile(
    r"gen_ai\.(content\.(prompt|completion)|(system|user|assistant|tool)\.message|choice)"
)


@lru_cache(maxsize=4096)
def is_content(name: str) -> bool:
    """Whether the attribute holds what people or models wrote, which privacy settings govern, in any dialect.

    Dialects: earlier versions of the conventions, OpenLLMetry, OpenInference, Vercel's AI SDK, Pydantic AI, Langfuse.
    """
    if name in CONTENT_ATTRIBUTES or name.startswith(PROMPT_VARIABLE):
        return True
    return _CONTENT_OF_OTHERS.fullmatch(name) is not None


@lru_cache(maxsize=4096)
def is_event_content(event: str, name: str) -> bool:
    """Whether the attribute `name` of an event of the name `event` holds what people or models wrote."""
    if name in (EXCEPTION_MESSAGE, EXCEPTION_STACKTRACE) or is_content(name):
        return True
    return name != "gen_ai.system" and _CONTENT_EVENT.fullmatch(event) is not None
