"""What stands between a secret's name and its value in texts of all kinds: signs, quotes, tags, words."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from llmtrace.filters import languages


class Separator(NamedTuple):
    """What stands between a name and its value, and whether that alone tells that a value follows."""

    pattern: re.Pattern[str]
    tells: bool
    tells_before_quotes: bool
    only_before_quotes: bool = False


QUOTE: Final = r"""(?:\\{0,8}["'`]|&quot;|&#(?:34|39|x22|x27);|%(?:25){0,3}2[27]|\\u002[27])"""
_GAP: Final = r"(?:!![a-z]{1,10}[ ]|&\w{1,20}[ ]|\s|\\[nrt]|\*\*|```[a-z]{0,10}(?=\s|\\n)|[|>][+-]?(?=\s)){0,24}"
_TYPE: Final = (
    r"(?:[ \t]?:[ \t]?(?:&(?:'static )?str|str|string|bytes|String|Any|Final|SecretStr|Optional)(?:\[str\])?"
    r"(?: \| None)?(?= ?=))?"
)
_COLOUR: Final = r"(?:(?:\x1b|\\{1,8}(?:u001[bB]|x1[bB]|033|e))\[[0-9;]{0,12}m){0,3}"
_TAGS: Final = (  # of a page, around a name or a value
    r"(?:(?:\s|\\[nrt]){0,8}</?(?:b|strong|i|em|code|pre|kbd|span|td|th|tr|dt|dd|li|p|div|br)(?:\s[^<>]{0,80})?/?>){1,4}(?:\s|\\[nrt]){0,8}"
)
_LINE: Final = r"(?:\\{1,8}r|\r)?(?:\\{1,8}n|\n)"
SPACE: Final = r"(?:\s|\+|%20)"
_SIGN: Final = (
    r"(?:=>|:=|[?+]=|={1,3}|::?|<?->|<-|[\uff1a\uff1d\u2192]|%(?:25){0,3}3[aAdD]|\\u(?:003[dD]|[fF]{2}1[aAdD]|2192))"
)


LATER: Final = (
    "(?:here|below|now|itself|again|there|today|currently|temporaire|provisoire|temporal|provisional|temporanea"
    "|provvisoria|tempor[aá]ria)"
)
"""Words between a name and the sign or the verb that comes before its value."""

IS: Final = (
    rf"(?:(?:is|was|are|{languages.as_json(languages.IS)})(?:\s(?:now|still|currently|going\sto\sbe))?"
    r"|(?:should|would|will|could|might|must)\sbe)"
)


SEPARATORS: Final = (
    Separator(  # password = crypt('x', …), ENV.fetch("X", "x")
        re.compile(
            rf"{QUOTE}?\s?[=:]\s?(?:(?:[\w.:]{{1,40}}!?|<[\w.]{{1,40}}: )\((?=[bBrRuUfF]?{QUOTE}\S{{6}})"
            rf"|[\w.]{{1,40}}\({QUOTE}\w{{1,60}}"
            rf"{QUOTE},\s?)(?={QUOTE})",
            re.IGNORECASE,
        ),
        False,
        False,
        True,
    ),
    Separator(  # {"name": "PASSWORD", "value": "x"}
        re.compile(
            rf"{QUOTE}?(?:[,|]|\s|\\[nrt]){{1,24}}(?:-[ \t])?{QUOTE}?(?:[vV]alue|VALUE){QUOTE}?[ \t]{{0,8}}[:=]{_GAP}"
            rf"|{QUOTE}\s{{0,4}}:\s{{0,4}}\{{\s{{0,8}}{QUOTE}(?:[vV]alue|VALUE){QUOTE}[ \t]{{0,8}}:{_GAP}"
            rf"|\\{{0,8}}[\"']?\s{{1,4}}(?:value\s)?\{{\s{{0,8}}(?:string_)?value:\s?"  # of protocol buffers
            r"|\\{0,8}[\"']\s{0,4}\{(?:[^{}\n]{0,200}(?:\n|\\n)){1,8}?[ \t]{0,8}default\s{0,8}=\s{0,4}"  # Terraform
            r"|\\{0,8}\";s:[0-9]{1,6}:"  # PHP
        ),
        True,
        True,
    ),
    Separator(  # password: x, "password": "x", user[password]=x, password: str = "x"
        re.compile(
            rf"{QUOTE}?\]?(?:\[\])?{QUOTE}?(?:[ ]\[[\w=-]{{1,24}}\]){{0,6}}{_TYPE}{_COLOUR}(?:{_TAGS})?"
            rf"(?:[ \t\u2600-\u27bf\U0001f300-\U0001faff]|\\ud83[c-e]\\ud[c-f][0-9a-f]{{2}}|[*_]{{1,2}}){{0,8}}"
            r"(?:\.{2,40}[ ]?)?"
            rf"{_SIGN}(?:\}}[ \t])?(?:\s?string\([0-9]{{1,6}}\)\s)?{_GAP}{_COLOUR}(?:{_TAGS})?"
        ),
        True,
        True,
    ),
    Separator(  # <input name="password" type="text" value="x">
        re.compile(
            r"\\{0,8}[\"'](?:\s{1,4}[\w:-]{1,30}=\\{0,8}[\"'][^\"'<>\n]{0,80}[\"']){0,5}\s{1,4}(?:value|content)="
        ),
        True,
        True,
    ),
    Separator(  # <property name="password">x</property>, <key>password</key><string>x</string>
        re.compile(
            r"(?:\\{0,8}[\"'](?:\s[^<>\n]{0,40})?>(?:(?:\s|\\[nrt]){0,8}<value>)?"
            r"|</key>(?:\s|\\[nrt]){0,24}<string>)"
        ),
        True,
        True,
    ),
    Separator(re.compile(r"&gt;|\\u003[eE]|%(?:25){0,3}3[eE]"), True, True),  # &lt;password&gt;x&lt;/password&gt;
    Separator(  # a part of a form's body
        re.compile(rf"\\{{0,8}}\"{_LINE}(?:content-[^\r\n\\]{{1,100}}{_LINE}){{0,3}}{_LINE}", re.IGNORECASE), True, True
    ),
    Separator(re.compile(_TAGS), False, True),  # <th>password</th><td>x</td>
    Separator(  # what pydantic says of a field
        re.compile(r"(?:\n|\\{1,4}n)[ ]{1,4}[^\n\\]{1,300}?, input_value="), True, True
    ),
    Separator(  # password (admin): x
        re.compile(rf"[ \t]{{1,2}}(?:\([^()\n]{{1,40}}\)|\[[^\[\]\n]{{1,40}}\]|{LATER})[ \t]?[:=](?=\s|\\[nr]){_GAP}"),
        False,
        True,
    ),
    Separator(  # page.locator("#password").fill("x")
        re.compile(
            rf"{QUOTE}?\]?{QUOTE}\s?\)\s?\.\s?(?:fill|type|send_?[kK]eys|press_?[sS]equentially|set_?[vV]alue)"
            rf"\(\s{{0,8}}(?={QUOTE})"
        ),
        True,
        True,
        True,
    ),
    Separator(re.compile(rf"{QUOTE}?\s(?:i?like|in)\s{{0,4}}(?=\(?{QUOTE})", re.IGNORECASE), False, False, True),
    Separator(  # What is your password? x
        re.compile(
            r"[?.!][\"'\u201d]?(?:[ ]A:|(?<=\?)[ ]{1,2}(?:[-\u2013\u2014][ ])?|\s{0,2}(?:\n|\\n)"
            r"\s{0,4}(?:(?:user|human|answer|assistant|ai|bot|me|a)[ ]?:)?)"
            r"\s{0,4}(?:it(?:'s|\sis)\s)?"
            r"(?=[^\s]{6,80}\s{0,4}(?:[\"'\n]|\\n|\Z))",
            re.IGNORECASE,
        ),
        False,
        True,
    ),
    Separator(re.compile(r"\)=\("), True, True),  # what PostgreSQL says of a key: (token)=(x)
    Separator(re.compile(r"\(\s{0,8}(?=[bBrRuUfF]{0,2}\\{0,8}[\"'])"), False, False, True),  # set_password("x")
    Separator(  # | password | x |
        re.compile(r"[ \t]{0,4}\|[ \t]{0,4}|\*{0,2}[ \t](?:[-\u2013\u2014]|\\u201[34])[ \t]|(?:\t|\\t){1,4}"),
        False,
        True,
    ),
    Separator(
        re.compile(
            rf"{SPACE}{{1,4}}(?:{LATER}{SPACE})?"
            rf"(?:(?:(?:ha[sd]\s)?(?:is|was|be|been)\s(?:(?:re)?set|changed|updated)\s)?to|{IS})"
            rf"(?:\s{{0,4}}:)?{SPACE}{{1,4}}|,{SPACE}(?:which|that){SPACE}(?:is|was){SPACE}|['\u2019]s{SPACE}"
            rf"|{SPACE}?(?:{languages.as_json('是|为|は|는|은')}){SPACE}?"
            rf"|{SPACE}(?:(?:changed|updated|reset){SPACE})?from{SPACE}(?=\S{{3,80}}{SPACE}to{SPACE}\S)"
        ),
        False,
        True,
    ),
    Separator(  # API key provided: x
        re.compile(
            rf"{SPACE}{{1,4}}(?:you{SPACE})?(?:(?:is|was){SPACE})?"
            r"(?:provided|given|sent|supplied|used|received|(?:not|in)[ -]?valid|unknown|expired)"
            rf"(?:{SPACE}{{0,4}}:{SPACE}{{0,4}}|{SPACE}{{0,4}}[(=]{SPACE}{{0,4}})"
        ),
        False,
        True,
    ),
    Separator(
        re.compile(r"[ \t]{1,4}(?:[(\u201c\u201e\u00ab\u2018]|\\u(?:201[cCeE8]|00[aA][bB]))"), False, True
    ),  # password (x)
    Separator(  # ("password", "x"), env("PASSWORD", default="x")
        re.compile(
            rf"{QUOTE}?\]?{QUOTE}(?:\s{{0,4}},(?:\s{{0,4}}|[ ]{{0,16}})|[ ]to[ ]|[ ]{{1,4}})"
            rf"(?:default\s?=\s?)?(?=[bBrRuUfF]{{0,2}}{QUOTE})"
        ),
        False,
        False,
        True,
    ),
    Separator(re.compile(r"[ \t]{1,4}(?=[\"'`])"), False, False, True),
)
