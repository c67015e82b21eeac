"""The time that masking takes grows as the text does, whatever is written in it; a clean text costs next to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import pytest

from llmtrace.filters.patterns import PREFIXED
from llmtrace.filters.redactor import Redactor

pytestmark = pytest.mark.slow

REDACTOR = Redactor()
SIZE = 120_000  # characters; a tenth of that takes about a tenth of the time, and a hundredth where time is squared
MARGIN = 3.0

REPEATED = {
    **{
        unit: unit
        for unit in ("a", " ", "\0", "-", "=", '"', "\\", '\\\\\\"', "[", '{"a":', "1", "é", "\ud800", "@", "://")
    },
    **{
        unit: unit
        for unit in ("password", "password:", "password=", 'password:"', "password is ", "password\\n", "<password>")
    },
    **{
        unit: unit
        for unit in ('"password":', "token: x ", 'token: "x ', "auth: 'x ", "--token ", "key=", "secret", "user_")
    },
    **{
        unit: unit
        for unit in ('token: \\"x ', "pwd=%22x", "pwd=&quot;x", "cookie: a=", "password,value", "auth,", "jwt|")
    },
    **{
        unit: unit
        for unit in ("Bearer ", "bearer aaaaaaaa ", "Basic aaaa", "Authorization: Digest a=", "authorization: ")
    },
    **{
        unit: unit
        for unit in ("://a:", "://a:@", "://a:b@c", "https://x/?key=", "&sig=a", "%3a%2f%2fa%3a", "curl -u a:")
    },
    **{
        unit: unit
        for unit in (
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----END ",
            "Private-Lines: 1\n",
            "----BEGIN ",
            "a-----END PRIVATE KEY-----",
        )
    },
    **{
        unit: unit
        for unit in ("AKIA", "AKIAABCDEFGHIJKLMNOP ", "eyJ", "eyJaaaaaaaa.", "-eyJaaaaaaaa", "sk-", "sk-a1", "sk-a-")
    },
    **{
        unit: unit
        for unit in ("SG.aaaaaaaaaaaaaaaa", ".eJ", "1Q~", ":AA", "11111111:AA", ".aaaaaa", "-us1", "NRAL", "%41AAAA")
    },
    **{
        unit: unit
        for unit in (
            "access_token$production$",
            "[REDACTED]",
            "[REDACTED]pwd=a1b2c3 ",
            "\\u0041",
            "identified by ",
            "/reset/abcdef-",
            "mysql ",
            "redis-cli -a ",
            "password\t",
            "%41",
            "%25",
            "a=%41&",
            "%3Fq%3D",
            "a+",
            "password,a\n",
            "password\tb\nc\td\n",
            "insert into x (password) values ('a'), ",
            "insert into x (",
            "passwords:\n- a1b2c3\n",
            "password,a\nb,",
            'password,a\nb,"',
            "password,a\n\n",
            'password,a\n"""x\n',
            'password,"b\nc",d\n',
            "password|a\n|b|\n",
            "a,password\nb,c\ne,f,g\n",
            "token,password,",
            "into x (a, password) values (\\'",
            "into x (password) values ('''",
            "into x (password) values ((",
            "copy x (password) from stdin\nabc12345\n",
            "sk-a1\u2026",
            "a...",
            "://a:b1\u2026",
            "password a1b2",
            "password for a b c: ",
            "a1B2c3D4 is my password ",
            "a1B2c3D4a1B2c3D4",
            "login('a','b1c2d3',",
            "<a:password ",
            'password("a1b2c3" ',
            "\x1b[1mpassword\x1b[0m=",
            "password<b>",
            "password</td><td>",
            "password:<b >",
            "password\n  a, input_value",
            "password,a\\nb,c",
            "into x (password) values (?) args=('a') ",
            "p\u200b",
            "p\0",
            "ghp_a1b2",
            ".ghp_",
            "://a:b1",
            "password+",
            "password to ",
            *("docker login -p ", "docker login ", "mongo -u a ", "sqlplus -a a/", "smbclient -U a", "net use a "),
            *(
                "password here ",
                "password (a):\n",
                "password ....... ",
                'password = a(b"',
                'passwords = {"a": "b1", ',
                '{"a": "b1", ',
            ),
            *(
                "password? ",
                "password to a b: ",
                "a1!b2c3d4 ",
                "password a1!b2c3d4 ",
                "password tiger-paris-",
                "密码\uff1aa1 ",
            ),
            *("pass show a\n", "kubectl get secret ", "openssl rand\na1b2c3\n", "recovery codes:\na1b2\n", "a1b2\n"),
            *(
                "password 0 a1",
                "tacacs key ",
                "isakmp key a1 ",
                "btoa('a:b1c2d3')",
                "basic_auth 'a', 'b1c2d3'",
                "</key><string>",
            ),
            *(
                "log in with a / b1c2d3 ",
                "credentials for a b c: a / b1",
                "as 1a b ",
                "${password:?a} ",
                "password|value: ",
            ),
            *("curl -u a", "curl -b a=", "echo a1b2 | ", "echo ", "sudo -S <<< ", "connect('a','a1b2c3',", "connect("),
            *("pragma key ", "token from a to b", "password [a]", "password [a] [b]", "password (a) "),
            *('password" {\n a\n', 'password";s:1:', 'password" value { value: ', "mot de passe ", "contraseña es "),
            *("/reset/", "a:1234:a:a:", "seed phrase abc ", "passphrase: abcd ", "creds is a/", "a:b@tcp(", "<input "),
            *("kind: Secret\ndata:\n a: b\n", "data:\n", '"kty" "d":"', "eyJhbGciOiJIUzI1NiJ9 ", "a  password\nb  c\n"),
            *("\u2502password\u2502a\u2502\n", ",redis-cli', '-a', '", "-----BEGIN RSA PRIVATE KEY-----\n1: "),
            *("password in ('a1b2c3','", "passwords: a1b2c3 and ", "password?\n", 'password -> "a" -> "'),
            *("密码是", "jeton d'", "{SHA}", "gAAAAAB", "*AAAAAAAA", "\\/", "password: &a "),
        )
    },
    "every prefix": " ".join(row.prefixes for row in PREFIXED) + " ",
    "noise": "".join(Random(1).choices("sk-_.:=/@\"'\\ abpassword{}[]\n", k=5000)),
}


def seconds(work: Callable[[], object], runs: int = 1) -> float:
    """The least processor time of some runs: the least is what the work needs, the rest is what others do."""
    best = float("inf")
    for _ in range(runs):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def growth(text: str, times: int = 10) -> float:
    """How much more than `times` as long `times` the text takes; looked at again where it is much."""
    ratio = float("inf")
    for _ in range(3):
        small = max(seconds(lambda: REDACTOR.text(text[: len(text) // times]), 3), 1e-4)
        ratio = min(ratio, seconds(lambda: REDACTOR.text(text)) / small / times)
        if ratio < MARGIN:
            break
    return ratio


@pytest.mark.parametrize("unit", REPEATED.values(), ids=REPEATED)
def test_time_is_linear_in(unit: str) -> None:
    assert growth(unit * (SIZE // len(unit) + 1)) < MARGIN


@pytest.mark.timeout(60)
@pytest.mark.parametrize("begin", ["?key=", "password=", "token: ", "Bearer ", "password='"])
def test_a_long_value_takes_linear_time(begin: str) -> None:
    for unit in ("a", "a_", "Aa", "a-1_", "aB", "your-", "a.b(", "https:", "0", "/a", "AAAA aaaa "):
        for end in ("-Z", "1!", "=Z", '"', ""):
            for length in (40, 280, 2000):
                REDACTOR.text(f"{begin}{unit * (length // len(unit))}{end}")
            assert seconds(lambda: REDACTOR.text(f"{begin}{unit * (20_000 // len(unit))}{end}")) < 1, (unit, end)  # noqa: B023


@pytest.mark.timeout(400)
def test_time_is_linear_in_ten_megabytes_of_hostile_text() -> None:
    random = Random(2)
    units = [unit for unit in REPEATED.values() if len(unit) < 40]
    text = "".join(unit * random.choice((1, 1, 5, 40)) for unit in random.choices(units, k=100_000))[:10_100_000]
    assert len(text) > 10_000_000
    assert growth(text, 100) < MARGIN


def test_a_clean_text_takes_a_small_part_of_the_time_of_one_that_is_read() -> None:
    words = ["recommend", "a", "fantasy", "book", "with", "dragons", "and", "wizards,", "please:", "I", "have", "read"]
    clean = " ".join(Random(3).choices(words, k=500))
    dirty = clean + " password: aB3xY7q9"
    quick = seconds(lambda: [REDACTOR.text(clean) for _ in range(200)], 3)
    assert quick * 5 < seconds(lambda: [REDACTOR.text(dirty) for _ in range(200)], 3)
