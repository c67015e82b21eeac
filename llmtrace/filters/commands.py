"""Passwords on command lines: behind the short options of programs, where they are the argument, and in pipes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from llmtrace.filters.patterns import FAR
from llmtrace.filters.tokens import Range
from llmtrace.filters.values import is_harmless, looks_chosen, looks_random

_TO: Final = r"(?:[^\n]{0,120}?\s)??"  # the arguments between a program and what is looked for
_VALUE: Final = r"(?P<quote>\\{0,8}[\"']|)(?P<secret>[^\s'\"\\|&;<>]{3,200})"


class _Command(NamedTuple):
    """Where a password stands behind `programs`, which are separated by spaces.

    `arguments` is what stands between, and `afar` what that looks like from afar, for the gate. What could be something
    else as well has to look `random`.
    """

    programs: str
    arguments: str
    afar: str
    random: bool = False


_COMMANDS: Final = (
    _Command("redis-cli", rf"{_TO}-a\s{{1,4}}", ".*-a"),
    _Command("mysql mysqldump mysqladmin mysqlimport mysqlcheck mysqlsh mariadb mariadb-dump", rf"{_TO}-p", ".*-p"),
    _Command("docker podman helm az oc", rf"{_TO}login\s{_TO}-p\s{{0,4}}", ".*login.*-p"),
    _Command("sqlcmd sshpass", rf"{_TO}-[pP]\s{{0,4}}", ".*-p"),
    _Command("bcp isql ipmitool zip unzip", rf"{_TO}-P\s{{0,4}}", ".*-p"),
    _Command(
        "mongo mongosh mongodump mongorestore mongoexport mongoimport cqlsh cypher-shell twine rabbitmqadmin rdesktop",
        rf"{_TO}-p\s{{0,4}}",
        ".*-p",
    ),
    _Command(
        "ldapsearch ldapadd ldapmodify ldapdelete ldappasswd ldapwhoami ldapcompare", rf"{_TO}-w\s{{1,4}}", ".*-w"
    ),
    _Command("7z 7za 7zr 7zz rar unrar", rf"{_TO}-h?p", ".*-h?p"),
    _Command("http https xh", rf"{_TO}(?:-a|--auth)[ =]\s{{0,4}}[\w.@%-]{{1,64}}:", ".*(?:-a|--auth).*:"),
    _Command("smbclient rpcclient smbmap net", rf"{_TO}-U\s{{0,4}}[^\s%]{{1,64}}%", ".*-u.*%"),
    _Command("ssh-keygen", rf"{_TO}-[NP]\s{{1,4}}", ".*-[np]"),
    _Command("openssl", rf"{_TO}-k\s{{1,4}}", ".*-k"),
    _Command("snmpwalk snmpget snmpset", rf"{_TO}-[cA]\s{{1,4}}", ".*-[ca]", random=True),
    _Command("snmpwalk snmpget snmpset", rf"{_TO}-X\s{{1,4}}", ".*-x", random=True),
    _Command("xfreerdp wfreerdp signtool", rf"{_TO}/p[: ]\s{{0,4}}", ".*/p"),
    _Command("htpasswd", r"-[a-zA-Z]{0,4}b[a-zA-Z]{0,4}\s[^\s]{1,100}\s[^\s]{1,64}\s", "-"),
    _Command("rabbitmqctl", r"(?:add_user|change_password|authenticate_user)\s[^\s]{1,64}\s", "[a-z]+_"),
    _Command("net", r"use\s(?:[^\s]{1,100}\s){1,2}?(?=[^\s/]{3,128}\s{1,4}/u)", r"use\s.*/u"),
    _Command("net", r"user\s[^\s/]{1,64}\s", r"user\s", random=True),
    _Command("vault", r"(?:(?:operator\s)?unseal|login)\s", r"(?:(?:operator\s)?unseal|login)\s", random=True),
    _Command("ansible-vault", r"encrypt_string\s", "encrypt_string"),
    _Command("wandb snyk ngrok", r"(?:login|auth|authtoken)\s", "(?:login|auth)", random=True),
    _Command("gh", rf"secret\sset\s{_TO}(?:-b|--body[ =])\s{{0,4}}", r"secret\sset\s"),
)
AFAR: Final = (
    *(rf"(?:{'|'.join(row.programs.split())})(?:\.exe)?(?:\s|\\*[\"'],){FAR}{row.afar}" for row in _COMMANDS),
    rf"curl{FAR}.*-(?:b|-cookie|u|-(?:proxy-)?user)",
    r"\|\s*(?:sudo\s|kinit)|chpasswd|-stdin|--passphrase-fd|<<<",
    rf"(?:sqlplus|jdbc:oracle:thin:){FAR}.*/.*@",
    r"identified(?:\s|\\[nrt])+(?:by|with)|login(?:\s|\\[nrt])",
    (
        r"(?:requirepass|masterauth|bindpw|rootpw)(?:[\s\"\\])|snmp-server\scommunity|isakmp\skey|password-value|:\spsk\s"
        r"|(?:password|secret|key-string)\s(?:[0-9]|enc)\s"
    ),
    rf"(?:tacacs|radius){FAR}.*key",
)
"""What all this looks like from afar, in lower case; see `gate`."""

_PIPE: Final = re.compile(  # echo x | sudo -S
    r"(?:echo|printf)\s(?:-[neE]{1,3}\s|['\"]%s(?:\\n)?['\"]\s)?"
    r"(?P<quote>\\{0,8}['\"]|)(?:[\w.@-]{1,64}:)?(?P<secret>[^\s'\"\\|&;<>:]{3,128})(?P=quote)\s{0,4}\|\s{0,4}"
    r"(?:sudo\s(?:-\w\s){0,3}-S|kinit|[^|\n]{0,80}(?:chpasswd|-stdin|passwd\s--stdin|--passphrase-fd))"
)
_HERE: Final = re.compile(  # sudo -S <<< x
    r"(?:sudo\s[^\n<]{0,60}-S|passwd|signin|kinit|-token|-stdin|luks[A-Za-z]{4,8})\b[^\n<]{0,60}<<<\s?(?P<quote>\$?\\{0,8}['\"]|)"
    r"(?P<secret>[^\s'\"]{3,128})"
)
_USER: Final = re.compile(
    r"-(?:[uU][ =]{0,3}|-(?:proxy-)?user[ =]{1,3})\\{0,8}[\"']?(?:[^\s:\"'\\]{0,100}:(?P<secret>[^\s\"'\\]+)"
    r"|(?P<key>[^\s:\"'\\]{16,100}):(?=[\s\"'\\]|\Z))"
)
_COOKIE: Final = re.compile(r"(?:-b|--cookie)[ =]{1,3}\\{0,8}[\"']?(?P<secret>[\w.$-]{1,80}=[^\"'\n\\]{3,2000})")
_SQL: Final = re.compile(
    r"(?:identified\s{1,4}(?:with\s{1,4}\S{1,40}\s{1,4})?by|login\s{1,4}\S{1,100}\s{1,4}password)"
    r"\s{1,4}(?:password\s{1,4})?(?P<quote>['\"]?)(?P<secret>[^\s'\";]+)"
)
_ORACLE: Final = re.compile(
    r"(?:(?i:sqlplus)\s{1,4}(?:-[A-Za-z]{1,8}\s){0,3}|jdbc:oracle:thin:)[\w.$#]{1,64}/(?P<secret>[^\s/@\"']{3,128})@"
)
_DIRECTIVE: Final = re.compile(  # of Redis, of LDAP
    r"(?i:requirepass|masterauth|bindpw|rootpw)\\{0,8}[\"']?[ \t]{1,8}\\{0,8}[\"']?"
    r"(?P<secret>(?![A-Za-z]{0,20}(?:[\s\"'\\]|\Z))[^\s\"'\\]{3,200})"
)
_DEVICE: Final = re.compile(  # in the configuration of routers, of VPNs
    r"(?i:snmp-server[ ]community|isakmp[ ]key(?:[ ][06])?|(?:tacacs|radius)[^\n]{0,80}?[ ]key(?:[ ][0-9])?"
    r"|(?:password|secret|key-string)[ ](?:[0-9]|enc)(?=[ ][^\s]{0,200}[^\sA-Za-z.,;:!?])|:[ ]psk|password-value)"
    r"[ ]{1,4}[\"']?(?P<secret>[^\s\"']{4,200})"
)
_BETWEEN_ARGUMENTS: Final = re.compile(r"[\"'],[ ]?[\"']")  # of a list, as Python shows it
_OTHERS: Final = (
    (("|",), _PIPE),
    (("<<<",), _HERE),
    (("sqlplus", "jdbc:oracle"), _ORACLE),
    (("requirepass", "masterauth", "bindpw", "rootpw"), _DIRECTIVE),
    (("snmp-server", "isakmp", "tacacs", "radius", "password", "secret", "key-string", "psk"), _DEVICE),
)


def commands(text: str, lowered: str) -> Iterator[Range]:
    """Where passwords stand on command lines in `text`, in time linear in its length.

    Args:
        text: the text.
        lowered: the same in lower case, each character at the same place.
    """
    if "curl" in lowered:
        yield from _curl(text, lowered)
    if "identified" in lowered or "login" in lowered:
        yield from (m.span("secret") for m in _SQL.finditer(lowered) if _is_argument(text, m))
    for signs, pattern in _OTHERS:
        if any(sign in lowered for sign in signs):
            yield from (m.span("secret") for m in pattern.finditer(text) if not is_harmless(m["secret"]))
    if "," in text:
        text = _BETWEEN_ARGUMENTS.sub(lambda between: " " * len(between[0]), text)
    for programs, pattern, random in _compiled():
        if any(program in lowered for program in programs):
            for match in pattern.finditer(text):
                value = match["secret"]
                if looks_random(value) or (looks_chosen(value) if random else not _is_other(value)):
                    yield match.span("secret")


@cache
def _compiled() -> list[tuple[list[str], re.Pattern[str], bool]]:
    made = []
    for row in _COMMANDS:
        programs = row.programs.split()
        begin = rf"(?<![\w-])(?:{'|'.join(map(re.escape, programs))})(?:\.exe)?\s{{1,4}}"
        made.append((programs, re.compile(begin + row.arguments + _VALUE), row.random))
    return made


def _curl(text: str, lowered: str) -> Iterator[Range]:
    for pattern in (_USER, _COOKIE):
        for match in pattern.finditer(text):
            if "curl" in lowered[max(0, match.start() - 300) : match.start()]:
                group = "secret" if match["secret"] else "key"
                if not is_harmless(match[group]) and (group == "secret" or looks_random(match[group])):
                    yield match.span(group)


def _is_argument(text: str, match: re.Match[str]) -> bool:
    value = text[slice(*match.span("secret"))]
    return looks_random(value) or (bool(match["quote"]) and not is_harmless(value))


def _is_other(value: str) -> bool:
    return len(value) < 4 or value.startswith(("-", "/", ".", "$")) or is_harmless(value)
