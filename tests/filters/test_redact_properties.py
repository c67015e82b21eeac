"""Whatever people write: masking never raises, changes nothing the second time, and leaves JSON as JSON."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from llmtrace.filters import Redact
from llmtrace.filters.gate import utf8
from llmtrace.filters.names import NAME_AFAR, Names, hint, words
from llmtrace.filters.redactor import Redactor, lower
from tests.filters.places import PLACES, span
from tests.filters.secrets import TEXTS, TOKENS

REDACTOR = Redactor()
PERSONAL = Redact(email=True, phone=True, card=True, iban=True, ip=True, names=["pin"], keep=["csrf_token"])

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)  # lone surrogates and NUL among them
WORDS = st.sampled_from(
    sorted(
        words(
            "password passwd pwd secret token api_key apiKey API-KEY api key secret_key client_secret "
            "Authorization Cookie Set-Cookie cookie credentials auth jwt Bearer Basic Digest name value "
            "required string hunter2 swordfish  max_tokens sessionid access private basic bearer is was curl -u "
            "--user user:pass --password --token  sk- eyJ ghp_ AKIA xoxb- AIza SG. -us1 Q~ :AA .eJ "
            "hooks.slack.com/ -----BEGIN -----END PRIVATE KEY-----  postgres://u: https:// :8000/ @host "
            "%3A%2F%2F %40 %3D %22 &quot; \\u0022 \\u0026 \\n \\\\n [REDACTED]  [REDACTED <password> "
            "os.environ[ get( sig= code="
        )
    )
)
SIGNS = st.sampled_from(
    ["=", ":", ": ", " = ", "=>", "==", ":=", ", ", '"', "'", "`", '\\"', '\\\\\\"', " ", "\n", "<", ">", "&"]
)
BRACKETS = st.sampled_from(
    ["{", "}", "[", "]", "(", ")", ".", ",", ";", "/", "?", "#", "@", "-", "_", "$", "%", "|", "**"]
)
SECRETS = st.builds(
    lambda make, seed: make(Random(seed)),
    st.sampled_from([*TOKENS.values(), *(make for make, _ in TEXTS.values())]),
    st.integers(0, 50),
)
COLUMNS = st.sampled_from(
    [
        "name,password\n",
        "\nbob,a1b2c3\n",
        "|user|token|\n",
        "\tx\n",
        "\r\n",
        "\\n",
        "into users (name, password) values (",
        "'x', 'a1b2c3'",
    ]
)
AROUND = st.sampled_from(
    [
        "\u200b",
        "\x1b[1m",
        "\u2026",
        "...",
        "<b>",
        "</td><td>",
        "```\n",
        " is my password",
        " for bob: ",
        ", input_value='",
        "args=(",
    ]
)
FRAGMENTS = st.one_of(
    WORDS, SIGNS, BRACKETS, COLUMNS, AROUND, SECRETS, ANY_TEXT, st.sampled_from(["a", "Z", "9", "aB3xY7"])
)
HOSTILE = st.lists(FRAGMENTS, max_size=14).map("".join)
NAMES = st.one_of(WORDS, st.sampled_from(["type", "name", "a", "db.password", "x-api-key", "tokens", "input_tokens"]))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), HOSTILE),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(NAMES, HOSTILE), inner, max_size=4),
        inner.map(json.dumps),
    ),
    max_leaves=8,
)
THOROUGH = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@THOROUGH
@given(HOSTILE)
def test_a_masked_text_is_masked_no_further(text: str) -> None:
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once


@THOROUGH
@given(JSON)
def test_a_masked_structure_is_masked_no_further(value: Any) -> None:
    once = REDACTOR.value(value)
    assert REDACTOR.value(once) == once


@THOROUGH
@given(JSON)
def test_a_json_text_stays_one(value: Any) -> None:
    masked = REDACTOR.text(json.dumps(value))
    assert isinstance(json.loads(masked), type(value)) or not isinstance(value, (dict, list))


@THOROUGH
@given(HOSTILE)
def test_what_is_found_in_a_text_the_gate_lets_through(text: str) -> None:
    if any(found.sure for found in REDACTOR._found(text)):
        assert REDACTOR.may_change(utf8(text))
        assert REDACTOR.may_change(to_json({"a": [utf8(text).decode()]}))


@THOROUGH
@given(st.dictionaries(st.one_of(NAMES, HOSTILE), HOSTILE, max_size=3))
def test_what_is_found_by_a_name_the_gate_lets_through(value: dict[str, str]) -> None:
    clean = {utf8(key).decode(): utf8(text).decode() for key, text in value.items()}
    if REDACTOR.value(clean) != clean:
        assert REDACTOR.may_change(to_json(clean))


@THOROUGH
@given(st.sampled_from(sorted(PLACES)), HOSTILE)
def test_a_span_is_masked_without_an_error_and_no_further(place: str, text: str) -> None:
    made = (
        PLACES[place](text)
        if place not in ("bytes", "escaped JSON", "resource")
        else span(text, {text: [text, {text: text}]})
    )
    once = PERSONAL(made)
    again = PERSONAL(once)
    assert (again.name, again.attributes, again.status.description) == (
        once.name,
        once.attributes,
        once.status.description,
    )
    assert [event.attributes for event in again.events] == [event.attributes for event in once.events]


@given(st.characters(exclude_categories=()))
def test_lower_case_keeps_every_character_at_its_place(character: str) -> None:
    assert len(lower(f"a{character}b")) == 3


NAMES_OF_SECRETS = words(
    "password newPassword db_pass PGPASSWORD passphrase pwd secret client_secret clientSecret token access_token "
    "authToken access-tokens apiTokens api_key apiKey APIKey api-keys x-api-key secretAccessKey private_key SSH_KEY "
    "authorization auth proxy-authorization cookie set-cookie cookies credentials creds sessionid jwt bearer "
    "seed_phrase recovery_codes SECRET_KEY_BASE password2 password_confirmation webhook.secret token_prod"
)


def test_every_name_that_says_something_is_one_that_the_gate_and_the_search_look_for() -> None:
    for name in [*NAMES_OF_SECRETS, *map(str.upper, NAMES_OF_SECRETS)]:
        assert hint(name)
        assert REDACTOR.may_change(to_json({name: "x"})), name
    assert Names(more=["pin"]).pattern_afar.startswith(f"(?:{NAME_AFAR}")
