"""Which names say that the value beside them is a secret: dict keys, headers, query parameters, variables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from typing import Final

from llmtrace.filters.languages import LITTLE, MARKED, PAIRS, SHORT, as_json
from llmtrace.filters.languages import NAME as FOREIGN_NAME
from llmtrace.filters.languages import PASSWORDS as FOREIGN_PASSWORDS

LONGEST: Final = 120  # characters of a name that are looked at, from its end


class Hint(Enum):
    """What a name says of its value."""

    SURE = "a secret, whatever it looks like"
    LIKELY = "a secret if it looks like one"
    TOLD = "a secret if it looks like one, or like words that somebody has made one of"
    FOREIGN = "a secret where it stands apart, in a text if it looks like one"
    HEADER = "a secret if it has the form that this header's values have"


def words(text: str) -> frozenset[str]:
    """The words of `text`, which are separated by spaces."""
    return frozenset(text.split())


SUFFIXES: Final = words(
    "again b64 base base64 confirm confirmation current dev development enc encrypted hash hashed hex live new "
    "old plain plaintext prod production raw repeat repeated staging str string temp temporary test text val "
    "value verify"
)
"""Words that may follow a secret's name and leave it one: ``SECRET_KEY_BASE``, ``password_confirmation``."""

PASSWORDS: Final = (
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passphrases",
    "passcode",
    "passwort",
    "kennwort",
    "pwd",
)
ABOUT_PASSWORDS: Final = words(
    "allow change disable enable forgot forgotten has hide invalid is lost missing needs no require required "
    "requires reset show without wrong"
)
"""Words before "password" in names of switches and labels, such as ``require_password``."""

ABOUT_PASSES: Final = words(
    "all by each final first fast forward last multi n next number one second single slow test to"
)
"""Words before "pass" where it is a turn."""

COUNTED_TOKENS: Final = words(
    "begin bos cached cancellation classification cls comment completion continuation cost count csv current each "
    "end eos eot every extra first generated image input keyword last lexer limit lookahead mask max maximum "
    "min minimum n name next num number one op operator output pad padding page parse parser per prefix previous "
    "price prompt punctuation reasoning rest sep separator skip special start stop string sub subword suffix sync "
    "text total type unexpected unk unknown unrecognized used whitespace word"
)
"""Words before "token" where it is a piece of text, a thing that is counted, or the place where a list goes on."""

GRANTING_TOKENS: Final = words(
    "access api app auth authentication authorization bearer bot csrf deploy github gitlab id identity jwt oauth "
    "oauth2 pat personal private refresh registration secret security service session slack sso user xsrf"
)
"""Words before "token" where it opens a door; the plural "tokens" and two words of prose need one of them."""

SECRET_KEYS: Final = words(
    "access account admin aes ai anthropic api app application auth aws azure cohere consumer crypto datadog dd "
    "decryption deepseek deploy encrypt encryption fernet functions gemini google gpg groq hmac huggingface ingest "
    "ingestion integration jwt langfuse langsmith license mailgun master mistral openai openrouter pgp pinecone "
    "preshared private recovery root rsa secret security sendgrid sending server service session shared sharedaccess "
    "signature signing ssh ssl storage stripe subscription symmetric tls together twilio unseal validation webhook "
    "wrapping write xai"
)
"""Words before "key" where it opens something: ``api_key``, but not ``primary_key``."""

_LONG_KEYS: Final = tuple(kind for kind in SECRET_KEYS if len(kind) >= 5)

EXACT: Final = {
    "auth": Hint.LIKELY,
    "authorization": Hint.HEADER,
    "bearer": Hint.LIKELY,
    "cookie": Hint.HEADER,
    "cookies": Hint.HEADER,
    "cred": Hint.LIKELY,
    "creds": Hint.LIKELY,
    "credential": Hint.LIKELY,
    "credentials": Hint.LIKELY,
    "verifier": Hint.LIKELY,
    "bindpw": Hint.SURE,
    "rootpw": Hint.SURE,
    "psk": Hint.SURE,
    "sshpass": Hint.SURE,
    "jwt": Hint.LIKELY,
    "sessionid": Hint.LIKELY,
    "jsessionid": Hint.LIKELY,
    "phpsessid": Hint.LIKELY,
    "pw": Hint.SURE,
    "keypass": Hint.SURE,
    "masterauth": Hint.SURE,
    "requirepass": Hint.SURE,
    "storepass": Hint.SURE,
}

_ALWAYS: Final = (
    "pass(?:word|wd|phrase|code|wort)?s?|kennwort|pwd?|secrets?|authorization|auth|cookies?|cred(?:ential)?s?"
    "|sessionid|jsessionid|phpsessid|jwt|bearer|phrase|codes|verifier|psk|sshpass|samlresponse|seed|team|token"
)
_SUFFIX: Final = rf"(?:\\?[_. -]?(?:[0-9]{{1,4}}|{'|'.join(sorted(SUFFIXES, key=len, reverse=True))}))*"

_ENGLISH: Final = f"{_ALWAYS}s?|keys?"
NAME: Final = f"(?:{_ENGLISH}){_SUFFIX}"
"""The end of every English name for which `hint` has an answer, in lower case."""

ANY_NAME: Final = f"(?:{_ENGLISH}|{FOREIGN_NAME}){_SUFFIX}"
"""The same in any language, some twice as slow."""

ESCAPED_NAME: Final = f"(?:{_ENGLISH}|{as_json(FOREIGN_NAME)}){_SUFFIX}"
"""The same where letters may stand as JSON escapes them; ten times as slow."""

FOREIGN: Final = f"(?:{as_json(FOREIGN_NAME)}){_SUFFIX}"
"""The same in other languages than English."""

NAME_AFAR: Final = (
    f"(?:{_ALWAYS}|(?:{'|'.join(sorted(GRANTING_TOKENS))})[^a-z0-9]*tokens"
    f"|(?:{'|'.join(sorted(SECRET_KEYS))})[^a-z0-9]*keys?){_SUFFIX}"
)
"""The same, without most names for which it has none; long, which Rust's engine does not mind."""

_MIXED: Final = re.compile("[a-z][A-Z][a-z][A-Z]|[A-Z][a-z][A-Z][a-z][A-Z]")  # "PaSsWoRd", whose words are no guide
_ESCAPE: Final = re.compile(r"\\{1,8}u([0-9a-fA-F]{4})")
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|[0-9]+")


def hint(name: str) -> Hint | None:
    """What `name` says of the value beside it, None when it says nothing."""
    name = name[-LONGEST:]
    if "\\" in name:
        name = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), name)
    if not name.isascii():
        return Hint.FOREIGN if name.endswith(MARKED) else _hint(name.lower())
    return _hint(name.lower() if _MIXED.search(name) else name)


@lru_cache(maxsize=8192)
def _hint(name: str) -> Hint | None:
    found = split(name)
    while found and (found[-1] in SUFFIXES or found[-1].isdigit()):
        found.pop()
    if not found:
        return None
    last, before = found[-1], found[-2] if len(found) > 1 else ""
    named = EXACT.get(last) or _password(last, before) or _token(last, before) or _key(last, before)
    return named or _foreign(found, last)


def split(name: str) -> list[str]:
    """The words of a name in lower case: of ``apiKey``, ``API_KEY`` and ``api-key`` the same two."""
    return [word.lower() for word in _WORDS.findall(name)]


def _password(word: str, before: str) -> Hint | None:
    if word.endswith(PASSWORDS):
        return Hint.LIKELY if before in ABOUT_PASSWORDS else Hint.SURE
    if word.endswith(("secret", "secrets")):
        return None if before == "existing" else Hint.SURE  # of Helm's charts: it names one
    if word == "pass":
        return Hint.SURE if before and before not in ABOUT_PASSES else Hint.LIKELY
    if word == "seed":
        return Hint.SURE if before in ("totp", "otp", "mfa") else None
    if word == "response":
        return Hint.SURE if before == "saml" else None
    if word == "team":
        return Hint.SURE if before == "honeycomb" else None
    if word == "phrase" and before in ("seed", "recovery", "backup", "mnemonic", "pass"):
        return Hint.SURE
    return Hint.SURE if word == "codes" and before in ("recovery", "backup") else None


def _token(word: str, before: str) -> Hint | None:
    if word.endswith("tokens"):
        return Hint.SURE if (word.removesuffix("tokens") or before) in GRANTING_TOKENS else None
    if not word.endswith("token"):
        return None
    before = word.removesuffix("token") or before
    if not before:
        return Hint.LIKELY
    return None if before in COUNTED_TOKENS else Hint.SURE


def _key(word: str, before: str) -> Hint | None:
    stem = word.removesuffix("s")
    if not stem.endswith("key"):
        return None
    kind = stem.removesuffix("key")
    return Hint.SURE if (kind or before) in SECRET_KEYS or kind.endswith(_LONG_KEYS) else None


def _foreign(found: list[str], last: str) -> Hint | None:
    before = [word for word in found[-3:-1] if word not in LITTLE]
    if last in FOREIGN_PASSWORDS or (before and (before[-1], last) in PAIRS) or last in ("motdepasse", "mdpasse"):
        return Hint.FOREIGN
    return Hint.LIKELY if last in SHORT else None


class Names:
    """The names that a project takes for those of secrets: the usual ones, `more`, and not those in `keep`.

    A name in `more` or `keep` stands for all that end in its words: ``pin`` for ``card_pin`` too, but not for ``spin``.
    """

    def __init__(self, more: Iterable[str] = (), keep: Iterable[str] = ()) -> None:
        self._more = [split(name) for name in more]
        self._keep = [split(name) for name in keep]
        if not all([*self._more, *self._keep]):
            raise ValueError("A name without a letter or digit names nothing.")
        own = ["[_. -]?".join(map(re.escape, found)) for found in self._more]
        self.pattern, self.any_pattern, self.escaped_pattern = (
            f"(?:{'|'.join([usual, *own])})" for usual in (NAME, ANY_NAME, ESCAPED_NAME)
        )
        self.pattern_afar = f"(?:{'|'.join([NAME_AFAR, *(f'(?i:{each})' for each in own)])})"
        self.hint = self._hint if self._more or self._keep else hint

    def _hint(self, name: str) -> Hint | None:
        name = name[-LONGEST:]
        ends = (split(name), split(name.lower()))  # the second where capitals beyond ASCII are within a word
        if any(found[-len(kept) :] == kept for kept in self._keep for found in ends):
            return None
        if any(found[-len(own) :] == own for own in self._more for found in ends):
            return Hint.SURE
        return hint(name)
