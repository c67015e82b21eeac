"""What the options of `Redact` add and leave: personal data, names, patterns, a function, the mask."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

import pytest

from llmtrace.filters import Redact
from llmtrace.filters.personal import passes_luhn, passes_mod97
from tests.filters.lookalikes import lookalikes
from tests.filters.places import PLACES, span, texts_of, with_attribute

MASK = "[REDACTED]"
PERSONAL = {
    "email": ["jane.doe+books@example.co.uk", "bücher@exämple.de", "o'neil_9%x@mail.example.museum"],
    "phone": [
        "+49 30 901820",
        "+1 (555) 010-9999",
        "0049301234567",
        "(030) 901820",
        "030/901820",
        "555-234-5678",
        "+441632960123",
    ],
    "card": ["4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "6011111111111117"],
    "iban": ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "FR1420041010050500013M02606"],
    "ip": ["192.168.0.17", "8.8.8.8", "2001:db8::8a2e:370:7334", "::1", "fe80::1", "::ffff:192.0.2.128"],
}
NOT_PERSONAL = {
    "email": ["@django", "a @ b", "user@localhost", "@media (min-width: 1px)", "x@", "@", "me@", "2@3"],
    "phone": [
        "2026-11-22",
        "12:30:45",
        "3.14159",
        "1234567890",
        "192.168.0.17",
        "ISBN 978-3-16-148410-0",
        "1,024 tokens",
        "v1.2.3",
    ],
    "card": [
        "4111111111111112",
        "1234567812345678",
        "2026112213374200",
        "0x4111111111111111",
        "chatcmpl-4111111111111111",
    ],
    "iban": ["DE88 3704 0044 0532 0130 00", "AB12", "GPT4 1234", "XX00 0000 0000 0000 0000"],
    "ip": ["1.2.3", "256.1.1.1", "12:30:45", "std::vector", "00:1A:2B:3C:4D:5E", "1.2.3.4.5", "::", "a:b"],
}


def masking(kind: str) -> Redact:
    options: dict[str, Any] = {kind: True}
    return Redact(**options)


@pytest.mark.parametrize("kind", PERSONAL)
def test_personal_data_is_masked_on_request_only(kind: str) -> None:
    for text in PERSONAL[kind]:
        made = with_attribute("x", f"call {text}, please")
        assert Redact()(made) is made
        assert masking(kind)(made).attributes["x"] == f"call {MASK}, please", text


@pytest.mark.parametrize("kind", PERSONAL)
@pytest.mark.parametrize("place", ["message", "arguments of a tool", "JSON in JSON in JSON", "tag", "stack trace"])
def test_personal_data_is_masked_in(place: str, kind: str) -> None:
    for text in PERSONAL[kind]:
        assert text not in texts_of(masking(kind)(PLACES[place](f"It is {text}.")))


@pytest.mark.parametrize("kind", NOT_PERSONAL)
def test_what_only_looks_like_personal_data_is_left(kind: str) -> None:
    for text in NOT_PERSONAL[kind]:
        made = with_attribute("x", f"say {text} now")
        assert masking(kind)(made).attributes["x"] == f"say {text} now"


def test_the_number_of_a_card_is_masked_as_a_number_too() -> None:
    assert Redact(card=True)(with_attribute("x", {"a": 4111111111111111, "b": 4111})).attributes["x"] == {
        "a": MASK,
        "b": 4111,
    }


def test_check_digits() -> None:
    assert passes_luhn("79927398713")
    assert not any(passes_luhn(f"7992739871{digit}") for digit in "012456789")
    assert passes_mod97("GB82WEST12345698765432")
    assert not passes_mod97("GB82WEST12345698765423")


def test_a_name_of_one_s_own_and_all_that_end_in_it() -> None:
    redact = Redact(names=["pin", "tax-id", "código"])
    for name in ("pin", "cardPin", "card_pin", "TAX_ID", "customer.taxId", "código", "CÓDIGO"):
        made = with_attribute("x", {name: "aB3xY7q9"})
        assert redact(made).attributes["x"] == {name: MASK}
        assert Redact()(made) is made
    assert redact(with_attribute("x", "?pin=4711a&spin=4711a")).attributes["x"] == f"?pin={MASK}&spin=4711a"


def test_a_name_that_is_kept() -> None:
    redact = Redact(keep=["csrf_token"])
    kept = with_attribute("x", {"csrf_token": "aB3xY7q9", "form.csrfToken": "aB3xY7q9", "note": "csrf_token=aB3xY7q9"})
    assert redact(kept).attributes["x"] == kept.attributes["x"]
    assert redact(with_attribute("x", {"token": "aB3xY7q9"})).attributes["x"] == {"token": MASK}
    assert redact(with_attribute("x", {"csrf_token": "ghp_" + "aB3xY7q9" * 5})).attributes["x"] == {"csrf_token": MASK}


def test_patterns_of_one_s_own() -> None:
    redact = Redact(patterns=[r"case-\d+", re.compile(r"ward (?P<secret>\w+)", re.IGNORECASE)])
    made = with_attribute("x", ["see CASE-12 and case-12", "in Ward 7b, bed 2", {"case-3": 1}])
    assert redact(made).attributes["x"] == [f"see CASE-12 and {MASK}", f"in Ward {MASK}, bed 2", {MASK: 1}]


def test_a_function_of_one_s_own_sees_each_text_after_all_else() -> None:
    seen = []

    def shout(text: str) -> str:
        seen.append(text)
        return text.upper()

    done = Redact(function=shout)(with_attribute("x", {"a": "pwd=aB3xY7q9", "b": json.dumps(["c"])}))
    assert done.attributes["X"] == {"A": f"PWD={MASK}", "B": '["C"]'}
    assert "pwd=aB3xY7q9" not in seen


def test_a_function_by_its_dotted_path() -> None:
    done = Redact(function="textwrap.dedent")(with_attribute("x", "  a"))
    assert done.attributes["x"] == "a"


@pytest.mark.parametrize("result", [None, 3, b"x"])
def test_a_function_that_returns_no_text_fails_closed(result: object) -> None:
    with pytest.raises(TypeError):
        Redact(function=lambda text: result)(with_attribute("x", "a"))  # type: ignore[arg-type, return-value]


def test_a_function_that_raises_fails_closed_also_within_json() -> None:
    def broken(text: str) -> str:
        raise ValueError(text)

    with pytest.raises(ValueError, match="a"):
        Redact(function=broken)(with_attribute("x", json.dumps({"password": "aB3xY7q9"})))


def test_a_mask_of_one_s_own_is_never_masked_again() -> None:
    redact = Redact(mask="password=hidden")
    once = redact(with_attribute("x", "token=aB3xY7q9 and pwd=aB3xY7q9")).attributes["x"]
    assert once == "token=password=hidden and pwd=password=hidden"
    assert redact(with_attribute("x", once)).attributes["x"] == once


@pytest.mark.parametrize(
    "options",
    [
        *({"mask": ""}, {"mask": 'a"b'}, {"mask": "a\\b"}, {"mask": "a\nb"}),
        *({"names": "pin"}, {"patterns": "abc"}, {"keep": "csrf"}, {"names": [""]}, {"keep": ["--"]}),
    ],
)
def test_options_that_can_t_be_used_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"mask|names|patterns|keep|name"):
        Redact(**options)  # type: ignore[arg-type]


def test_options_that_raise_of_their_own() -> None:
    with pytest.raises(re.error):
        Redact(patterns=["("])
    with pytest.raises(ImportError):
        Redact(function="no.such.function")


def test_with_all_options_on_a_clean_span_is_the_same_object() -> None:
    made = span(attributes={"x": "Recommend a fantasy book", "n": 1})
    assert Redact(email=True, phone=True, card=True, iban=True, ip=True, names=["pin"], keep=["x"])(made) is made


def test_with_personal_data_on_most_look_alikes_are_left() -> None:
    redact = Redact(card=True, iban=True)
    texts = list(lookalikes(Random(4).randrange(99)))
    masked = [text for text in texts if redact(with_attribute("x", text)).attributes["x"] != text]
    assert len(masked) <= 0.01 * len(texts), masked
