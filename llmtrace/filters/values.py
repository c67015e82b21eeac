"""Whether a value that stands beside a secret's name is one, or only a type, a placeholder, code, or a sentence."""

from __future__ import annotations

import base64
import re
from enum import Enum
from string import digits
from typing import Final

from llmtrace.filters.languages import NO_VALUES as FOREIGN_VALUES
from llmtrace.filters.names import GRANTING_TOKENS, SECRET_KEYS, Hint, hint, split, words

FEWEST: Final = 3  # characters of a secret: HTML has accesskey="n"
LONGEST_HARMLESS: Final = 300  # characters: what is longer is taken for a secret without a look

NO_VALUES: Final = FOREIGN_VALUES | words(
    "access admin_only allow allowed another any argument arguments array authentication authorization basic bearer "
    "because before between bool boolean bytes cannot changed char choose click command confirm contact contains "
    "continue cookie correct create credential credentials default denied deny digest disabled during either empty "
    "enabled encrypted enter expired explicit false file filtered float forgot generated hashed header hidden include "
    "inherit incorrect input int integer invalid jwt key length list literal longer masked maximum minimum missing "
    "must n/a names negotiate never nil none null number oauth oauth2 object obtain omit optional options passphrase "
    "password passwords please private promise protected provided public query raise readonly record redacted removed "
    "required reset return revoked rotate same-origin schema secret secrets secure session shared shorter should "
    "stored string strong symbol system through token tokens true type undefined unique unknown unset update updated "
    "upload usage using valid value varchar vault version visible within without wrong xoauth2 something anything"
)
"""Words that are no secrets, wherever they stand alone: types, states, and what sentences on passwords go on with."""

FUNCTION_WORDS: Final = words(
    "a an and are as at be been by can cannot contain do does field for from has have if in is it long match may "
    "must no not of on only or please required shall should that the this to too use was when will with you your"
)

NAME_WORDS: Final = (
    SECRET_KEYS
    | GRANTING_TOKENS
    | words(
        "dummy example fake header id key keys my name new old password placeholder sample test token tokens value x "
        "your"
    )
)
"""Words of which names of secrets are made; a value of nothing else, ``aws_secret_access_key`` say, is such a name."""

NAMING_WORDS: Final = NAME_WORDS | words(
    "api app backend cluster config credential credentials data database db default dev env gpt login model prod "
    "production server service shop stage staging user users version"
)
"""Words of which people make the names of what they keep secrets in."""

_NAMED: Final = r"(?:key|token|secret|password|passwd|pwd|value|credential|name|id|here)s?"
_PLACEHOLDER: Final = re.compile(
    rf"""
      [xX*•●·.…\#_-]+ | [A-Za-z_-]{{0,12}} (?:\.{{3}}|…|\*{{3,}}|[xX]{{4,}}) [A-Za-z_-]{{0,4}}
    | <[A-Za-z][\w .:/-]*> | \[[A-Za-z][\w .-]*\] | \{{\{{?\s*(?:[A-Za-z_][\w.()\[\]'\"]*)?\s*\}}\}}?
    | \{{\{{[^{{}}]*\}}\}} | \$\([^()]*\)
    | \$\{{?(?-i:[A-Z_][A-Z0-9_]*|[a-z_]+[0-9]?(?:[A-Z][a-z]+)*)\}}? | \$[({{][A-Za-z_][\w.:-]*[)}}]?
    | \$\{{[A-Z_][A-Z0-9_]*:\?[^{{}}]*\}}? | \((?:sensitive|known|redacted|hidden)\b[^()]*\)? | [;,)]\s.*
    | %\(?[a-z_]*\)?[sdr] | %[A-Z_]+%
    | !(?:vault|secret|env|Ref|Sub|GetAtt)  # tags in YAML
    | (?:your[-_ ]?|(?:my|some|insert|enter|replace|put|the)[-_ ]) (?:[A-Za-z]+[-_ ]){{0,4}} {_NAMED} (?:[-_ ]here)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ALGORITHMS: Final = re.compile(
    r"(?:(?:JWT|JWS|JWE|[HREP]S|EdDSA|SHA|MD|AES|HMAC|RSA|OAuth|TLS|mTLS|PBKDF|OIDC|SAML|GCM|CBC|ECDSA|OTP|TOTP)"
    r"[0-9]{0,4}(?:[-_/]|\Z))+"
)
_INSIDE: Final = r"""[\w.:,()=|\[\]{*+$%-]*(?:["'`].*)?"""
_CODE: Final = re.compile(
    rf"""
      [A-Za-z_$](?:[A-Za-z_.$]|::){{2,}} [0-9]{{0,3}} [A-Za-z_.]* !? \( {_INSIDE}  # getpass("Password")
    | \$?[A-Za-z_][A-Za-z_.]{{2,}} \[ {_INSIDE}                             # environ["TOKEN"]
    | [A-Za-z_][\w.]* \(\) .*                                            # uuid4().hex
    | &(?:'\w+[ ])?(?:str|String|mut) | (?:random_[a-z]+|aws_[a-z_]+|var|local|module) (?:\.[a-z_]+)+
    | (?:self|this|settings|os|process|config|conf|env|request|req|args|cls|options|opts|ctx|context|params|props|state
        |response|secrets|vault|import|django|models|forms|serializers|data|user|client|credentials|getenv|environ
        ) (?:\.[A-Za-z_]+)+
    """,
    re.VERBOSE | re.DOTALL,
)
_IDENTIFIER: Final = re.compile(r"[a-z]*[A-Z_.!?][A-Za-z_.!?]*")
_LETTERS: Final = re.compile(r"[A-Za-z_-]+|[a-z]+(?:_[a-z]+)+[0-9]")
# In these two a text can be matched in one way only: with two for each word, time doubles with each word.
_CAMEL: Final = re.compile(r"(?:[A-Z]{0,5}[a-z]{2,}+)++[A-Z]{0,3}")
_JOINED: Final = re.compile(r"(?:[A-Za-z][a-z]*+|[0-9]{1,8}+|)(?:[_./:-](?:[A-Za-z][a-z]*+|[0-9]{1,8}+|))++")
_CHOSEN: Final = re.compile(r"(?:[A-Za-z]{3,12}[-_.]){2,5}[0-9]{1,4}[.,;:!?)]{0,2}")
_PUNCTUATION: Final = ".,;:!?()[]{}*\"'`"
_PATH: Final = re.compile(r"(?:(?:~|\.{1,2})?/[a-z.][a-z0-9_.-]*(?:/[a-z0-9_.-]+)+|\.{1,2}/[a-z][a-z0-9_.-]*)")
_PROSE: Final = re.compile(r"(?:[A-Za-z][a-z]*|[A-Z]{2,5})(?:['’-][a-z]+)?[.,;:!?)\]}*\"']*")
_SPACE: Final = re.compile(r"\s")
_SCHEME: Final = re.compile(r"[A-Za-z][\w-]{1,30}\s+(?=\S)")
_COOKIE: Final = re.compile(r"\s*[\w.$*-]{1,80}=\S")


class Place(Enum):
    """How it is known where a value begins and ends."""

    EXACT = "by quotes or a structure"
    ASSIGNED = "it follows an equals sign without a space"
    TEXT = "it is a word in a text"


def is_secret(value: str, named: Hint, place: Place = Place.EXACT) -> bool:
    """Whether `value`, beside a name that says `named`, is to be masked."""
    if len(value) > LONGEST_HARMLESS:
        return named in (Hint.SURE, Hint.FOREIGN) or not _SPACE.search(value, 0, LONGEST_HARMLESS)
    if len(value) < FEWEST or is_harmless(value) or not (place is Place.EXACT or is_open(value)):
        return False
    if named is Hint.HEADER:
        return _is_header(value, place)
    if named is Hint.LIKELY:
        return looks_random(value)
    if named is Hint.TOLD or (named is Hint.FOREIGN and place is Place.TEXT):
        return looks_random(value) or looks_chosen(value)
    if place is Place.EXACT:
        return not is_sentence(value)
    return not is_prose(value) or (place is Place.ASSIGNED and not value.endswith(")"))


def _is_header(value: str, place: Place) -> bool:
    if place is Place.EXACT and (scheme := _SCHEME.match(value)):
        return is_secret(value[scheme.end() :], Hint.SURE) and not is_sentence(value)
    return _COOKIE.match(value) is not None or looks_random(value)


def is_harmless(value: str) -> bool:
    """Whether `value` is a placeholder, a type or a path and not a secret."""
    stripped = value.strip().strip(".,;:!?)")
    if not stripped or stripped.lower() in NO_VALUES or _PLACEHOLDER.fullmatch(value):
        return True
    if _PLACEHOLDER.fullmatch(stripped) or _PATH.fullmatch(stripped) or _PATH.fullmatch(value):
        return True
    if _ALGORITHMS.fullmatch(stripped):
        return True
    named = split(stripped.rstrip(digits)) if _LETTERS.fullmatch(stripped) else []
    return len(named) > 1 and NAME_WORDS.issuperset(named)


def is_open(value: str) -> bool:
    """Whether `value`, a word in a text, can be a value at all, and is not code or the name of a variable."""
    if _CODE.fullmatch(value) or not any(character.isalnum() for character in value):
        return False
    name = value.rstrip(".,;:!?)")
    return not _IDENTIFIER.fullmatch(name) or hint(name) is None


def is_prose(value: str) -> bool:
    """Whether `value`, a word in a text, reads as the beginning of a sentence and not as a password."""
    if not _PROSE.fullmatch(value):
        return False
    word = value.rstrip(".,;:!?)]}*\"'").lower()
    return len(word) < 6 or word.endswith("ed") or "'" in word or "’" in word or word.count("-") == 1


def is_sentence(value: str) -> bool:
    """Whether `value` is a sentence about a secret, as in labels, help texts and error messages."""
    words = value.split()
    if len(words) < 3 or not (value[:1].isupper() or words[0] in ("must", "should", "cannot")):
        return False
    return sum(word.strip(".,;:!?").lower() in FUNCTION_WORDS for word in words) >= 2


def looks_chosen(value: str) -> bool:
    """Whether `value` is words with a number behind them, as people make passwords of, and no name of a secret."""
    return _CHOSEN.fullmatch(value) is not None and NAMING_WORDS.isdisjoint(split(value))


def looks_random(value: str) -> bool:
    """Whether `value` has no spaces, and letters mixed with digits, or is long and of mixed case."""
    value = value.strip(_PUNCTUATION)
    if len(value) < 6 or any(character.isspace() for character in value):
        return False
    letters = sum(character.isalpha() for character in value)
    numbers = sum(character.isdigit() for character in value)
    if numbers and letters:
        return not _JOINED.fullmatch(value)
    if numbers:
        return len(value) >= 20
    if is_basic(value):
        return True
    return len(value) >= 16 and not value.islower() and not value.isupper() and not _CAMEL.fullmatch(value)


def is_basic(value: str) -> bool:
    """Whether `value` is ``user:password`` in base64, as in headers."""
    try:
        decoded = base64.b64decode(
            value + "=" * (-len(value) % 4), altchars=b"-_" if "-" in value else None, validate=True
        )
        user, colon, password = decoded.decode("ascii").partition(":")
    except ValueError:  # no base64, or no text
        return False
    return bool(colon) and user.isprintable() and password.isprintable()
