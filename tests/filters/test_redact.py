"""What `Redact` does with a span: what goes by the name beside it, what it leaves, and what it bears."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode
from opentelemetry.trace.span import TraceState

from llmtrace import semconv
from llmtrace.filters import Redact
from llmtrace.filters.redact import redact_text
from llmtrace.jsontext import as_json
from tests.filters.places import CONTEXT, message, span, texts_of, with_attribute
from tests.filters.secrets import remains

SECRET = "uLk3PwBq9tZx"
MASK = "[REDACTED]"
redact = Redact()


def masked(value: Any) -> Any:
    return redact(with_attribute("x", value)).attributes["x"]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "password",
            "Password",
            "user_password",
            "passwordConfirmation",
            "PGPASSWORD",
            "db.pass",
            "passphrase",
            "pwd",
        ),
        *("secret", "client_secret", "webhookSecret", "secretAccessKey", "SECRET_KEY_BASE", "secrets"),
        *("token", "access_token", "refreshToken", "X-Auth-Token", "csrfmiddlewaretoken", "apiTokens", "GITHUB_TOKEN"),
        *("api_key", "apikey", "X-API-Key", "private-key", "signing_key", "OPENAI_KEY", "subscription-key"),
        *("authorization", "Proxy-Authorization", "auth", "cookie", "Set-Cookie", "credentials", "jwt", "sessionid"),
    ],
)
def test_the_value_beside_a_secret_s_name_is_masked(name: str) -> None:
    assert masked({"a": [{name: SECRET}], "b": "left"}) == {"a": [{name: MASK}], "b": "left"}
    assert redact(with_attribute(f"shop.{name}", SECRET)).attributes[f"shop.{name}"] == MASK
    assert json.loads(masked(json.dumps({name: SECRET, "n": 1}))) == {name: MASK, "n": 1}
    for text in (f"{name}={SECRET}", f"{name}: {SECRET}", f"'{name}' => '{SECRET}'", f"?x=1&{name}={SECRET}&y=2"):
        assert not remains(SECRET, redact_text(text)), text


@pytest.mark.parametrize(
    "name",
    [
        *("max_tokens", "prompt_tokens", "token_count", "token_type", "next_page_token", "tokenizer", "eos_token"),
        *("primary_key", "sort_key", "key", "monkey", "public_key", "key_id", "author", "keyboard", "secretary"),
        *("session_id", "user_id", "passenger", "compass", "cookie_policy", "password_hint_shown", "secret_name"),
    ],
)
def test_the_value_beside_another_name_is_left(name: str) -> None:
    assert masked({name: SECRET}) == {name: SECRET}
    assert redact_text(f"{name}={SECRET}") == f"{name}={SECRET}"


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, "", "string", "required", "<your key>", "${API_KEY}", "{{ api_key }}", "********", "sk-..."),
        *("This field is required.", "The password of the user, at least 8 characters.", "/run/secrets/key", 12),
    ],
)
def test_what_is_no_value_is_left_beside_a_secret_s_name(value: Any) -> None:
    assert masked({"password": value}) == {"password": value}


def test_a_secret_of_several_words_is_masked_whole() -> None:
    assert masked({"passphrase": "correct horse battery staple"}) == {"passphrase": MASK}


def test_a_number_beside_a_secret_s_name_is_masked_and_json_stays_json() -> None:
    assert masked({"password": 12345678}) == {"password": MASK}
    text = redact_text('It said {"password": 12345678, "n": 1} and went on')
    assert text == f'It said {{"password": "{MASK}", "n": 1}} and went on'


def test_all_below_a_secret_s_name_is_masked_but_a_schema() -> None:
    assert masked({"api_keys": {"openai": SECRET, "more": [SECRET]}}) == {"api_keys": {"openai": MASK, "more": [MASK]}}
    schema = {"password": {"type": "string", "description": "Its password"}}
    assert masked(schema) == schema


def test_what_a_schema_gives_for_a_secret_is_masked_where_it_looks_like_one() -> None:
    given = {"default": SECRET, "examples": [SECRET, "secret"], "enum": ["short-lived", SECRET], "const": SECRET}
    kept = {"default": MASK, "examples": [MASK, "secret"], "enum": ["short-lived", MASK], "const": MASK}
    rest = {"type": "string", "description": "Its password"}
    assert masked({"properties": {"password": {**rest, **given}}}) == {"properties": {"password": {**rest, **kept}}}
    harmless = {"properties": {"query": {"type": "string", "default": SECRET}}}
    assert masked(harmless) == harmless


class Account(NamedTuple):
    user: str
    password: str


def test_names_need_not_be_texts() -> None:
    assert masked({b"password": SECRET, ("bob", "token"): SECRET}) == {b"password": MASK, ("bob", "token"): MASK}
    assert masked([Account("bob", SECRET), {"password": SECRET}]) == [("bob", MASK), {"password": MASK}]
    assert masked({3: SECRET, None: SECRET, b"user": SECRET}) == {3: SECRET, None: SECRET, b"user": SECRET}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "DB_PASSWORD", "value": SECRET},
        {"value": SECRET, "key": "api_key"},
        [["Host", "example"], ["Authorization", f"Bearer {SECRET}"]],
        {"headers": (("cookie", f"sid={SECRET}"),)},
    ],
)
def test_a_name_and_its_value_as_a_pair(value: Any) -> None:
    assert not remains(SECRET, json.dumps(masked(value)))


def test_a_clean_span_passes_as_the_same_object() -> None:
    clean = span(attributes={semconv.INPUT_MESSAGES: [message("Recommend a fantasy book")], "token_count": 5})
    assert redact(clean) is clean


def test_the_span_that_was_given_does_not_change() -> None:
    attributes = {semconv.INPUT_MESSAGES: [message(f"password: {SECRET}")]}
    given = span(attributes=attributes)
    assert redact(given) is not given
    assert given.attributes == {semconv.INPUT_MESSAGES: [message(f"password: {SECRET}")]}


def test_what_is_no_secret_stays_in_a_span_with_one() -> None:
    given = span(
        "recommend_book",
        {semconv.USAGE_INPUT_TOKENS: 12, semconv.TAGS: ("a", "b"), "note": f"token={SECRET}"},
        (Event("retry", {"attempt": 1}, 7),),
        (Link(CONTEXT, {"why": "batch"}),),
        Status(StatusCode.ERROR, "TimeoutError: too late"),
    )
    done = redact(given)
    assert done.attributes == {semconv.USAGE_INPUT_TOKENS: 12, semconv.TAGS: ("a", "b"), "note": f"token={MASK}"}
    assert [(event.name, event.attributes, event.timestamp) for event in done.events] == [("retry", {"attempt": 1}, 7)]
    assert [(link.context, link.attributes) for link in done.links] == [(CONTEXT, {"why": "batch"})]
    assert (done.name, done.status, done.resource) == (given.name, given.status, given.resource)
    assert (done.status.status_code, done.status.description) == (StatusCode.ERROR, "TimeoutError: too late")
    assert (done.context, done.start_time, done.end_time, done.kind) == (
        CONTEXT,
        given.start_time,
        given.end_time,
        given.kind,
    )


def test_a_scope_is_masked_and_stays_as_it_was_without_a_secret() -> None:
    scope = InstrumentationScope("shop", "1", "https://shop.example/", {"api_key": SECRET, "team": "search"})
    assert redact(span(scope=scope)).instrumentation_scope == InstrumentationScope(
        "shop", "1", "https://shop.example/", {"api_key": MASK, "team": "search"}
    )
    clean = span(scope=InstrumentationScope("shop", "1", None, {"team": "search"}))
    assert redact(clean) is clean


def test_a_resource_is_masked_once_for_all_its_spans() -> None:
    resource = Resource({"process.command_args": ("run", f"--password={SECRET}"), "service.name": "shop"})
    first, second = redact(span(resource=resource)), redact(span(resource=resource))
    assert first.resource is second.resource
    assert first.resource.attributes["process.command_args"] == ("run", f"--password={MASK}")
    assert first.resource.attributes["service.name"] == "shop"


def test_what_holds_a_secret_in_the_state_of_a_trace_is_left_out() -> None:
    state = TraceState(
        [("shop", "sk-proj-9aB8cD7eF6gH5iJ4kL3mN2oP1qR0"), ("token", SECRET), ("rojo", "00f067aa0ba902b7")]
    )
    context = SpanContext(CONTEXT.trace_id, CONTEXT.span_id, False, trace_state=state)
    found = redact(span(links=(Link(context),)).edited(context=context, parent=context))
    (link,) = found.links
    for each in (found.context, found.parent, link.context):
        assert each is not None
        assert (each.trace_id, each.span_id) == (CONTEXT.trace_id, CONTEXT.span_id)
        assert dict(each.trace_state) == {"rojo": "00f067aa0ba902b7"}


def test_what_is_beside_a_secret_in_a_url_stays() -> None:
    url = "https://shop.example/b%C3%BCcher?page=2&q=my%20password%3D{}&next=%2Fx%3Ftoken%3D{}#%41+b"
    masked = "https://shop.example/b%C3%BCcher?page=2&q=my%20password=[REDACTED]&next=/x%3Ftoken=[REDACTED]#%41+b"
    assert redact_text(url.format(SECRET, SECRET)) == masked


def test_half_a_character_in_a_url_harms_nobody() -> None:
    assert SECRET not in redact_text(f"\ud800?q=%41\ud800%20password%3D{SECRET}")


def test_two_keys_that_are_masked_are_still_two() -> None:
    keys = [f"ghp_{letter * 3}{SECRET * 3}" for letter in "abc"]
    done = masked(dict.fromkeys(keys, 1))
    assert len(done) == 3
    assert not remains(SECRET, json.dumps(done))


@dataclass
class Login:
    user: str
    password: str


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class Odd(Mapping[str, str]):
    def __getitem__(self, key: str) -> str:
        return SECRET

    def __iter__(self) -> Iterator[str]:
        return iter(["password"])

    def __len__(self) -> int:
        return 1


def test_secrets_in_objects_of_any_class_are_masked() -> None:
    for value in (
        Login("bob", SECRET),
        [Login("bob", SECRET)],
        ["\ud800", Odd()],
        {f"token={SECRET}"},
        {3: f"pwd={SECRET}"},
    ):
        assert not remains(SECRET, texts_of(redact(with_attribute(semconv.TOOL_CALL_ARGUMENTS, value)))), value


def test_objects_without_a_secret_stay_what_they_are() -> None:
    values = [Decimal("1.5"), Login("bob", ""), {"at": Decimal(2)}]
    done = redact(span(attributes={"x": values, "y": f"token={SECRET}"}))
    assert done.attributes["x"] is values


def test_what_can_t_be_shown_harms_nobody() -> None:
    cycle: list[Any] = [f"password: {SECRET}"]
    cycle += [cycle, {"again": cycle}]
    deep: Any = f"token={SECRET}"
    for _ in range(5000):
        deep = [deep]
    values = [
        cycle,
        deep,
        Hostile(),
        {Hostile(): 1},
        "\ud800 token=" + SECRET,
        "\0",
        b"\xff pwd=" + SECRET.encode(),
        10**5000,
    ]
    for value in values:
        done = redact(with_attribute("x", value)).attributes["x"]
        assert SECRET not in (done.decode("latin-1") if isinstance(done, bytes) else as_json(done))


def test_the_text_of_an_error_is_masked() -> None:
    assert redact_text(f"Incorrect API key provided: sk-{SECRET * 3}. See the docs.") == (
        f"Incorrect API key provided: {MASK}. See the docs."
    )


@pytest.mark.parametrize(
    "text",
    [
        "{{'password': [['{}']]}}",
        "{{'password': bytearray(b'{}')}}",
        "{{'password': <Kind.A: '{}'>}}",
        'let api_key = String::from("{}");',
    ],
)
def test_a_value_in_more_than_quotes_is_masked(text: str) -> None:
    assert redact_text(text.format(SECRET)) == text.format(MASK)
