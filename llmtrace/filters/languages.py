"""What passwords are called in languages other than English, and how a sentence goes on there."""

from __future__ import annotations

import re
from typing import Final

PASSWORDS: Final = (
    "contraseña contraseñas contrasena senha senhas wachtwoord hasło haslo heslo lösenord losenord adgangskode passord "
    "salasana jelszó jelszavam şifre şifrem parolă пароль пароля паролем пароли סיסמה הסיסמה סיסמא "
    "密码 密碼 口令 密钥 密鑰 パスワード 비밀번호 암호"
).split()
"""Words that mean a password and nothing else."""

MARKED: Final = ("पासवर्ड", "รหัสผ่าน", "密码", "密碼", "口令", "密钥", "密鑰", "パスワード", "비밀번호", "암호")
"""Those that no space parts from a word before them, or whose vowels are no letters to `re`."""

PAIRS: Final = frozenset(
    (noun, other)
    for nouns, others in (
        ("mot mots", "passe"),
        ("clé cle clés", "api secrète secrete privée privee accès acces"),
        ("clave claves chave chaves chiave", "api secreta privada segreta privata acceso acesso"),
        ("jeton token", "accès acces acceso acesso"),
        ("api wlan zugriffs geheimer privater", "schlüssel schluessel"),
        ("كلمة", "المرور السر"),
        ("mật", "khẩu"),
        ("kata", "sandi"),
        ("parola", "ordine"),
    )
    for noun in nouns.split()
    for other in others.split()
)
"""Two words that mean a password or a key together, perhaps with a short one between: ``mot de passe``."""

SHORT: Final = frozenset({"mdp", "clave"})
"""Words that mean a password, and something else as often."""

LITTLE: Final = frozenset({"de", "d", "do", "del", "di"})

_SECOND: Final = "passe|api|secr(?:e|è)te|priv(?:e|é)e|acc(?:e|è)s|acceso|acesso|secreta|privada|segreta|privata"
_OF: Final = rf"[_. -]?(?:d(?:e|o|el|i)?(?:[_. '-]|’)?)?(?:{_SECOND})"
NAME: Final = (  # each way begins with a letter, which Python's engine then looks for first
    rf"{'|'.join(dict.fromkeys((*PASSWORDS, *MARKED)))}|mdp|كلمة[ _-](?:المرور|السر)|mật[ _-]?khẩu|kata[ _-]?sandi"
    rf"|parola[ ]d['’]ordine|mots?{_OF}|cl(?:e|é)s?{_OF}|claves?(?:{_OF})?|chaves?{_OF}|chiave{_OF}"
    rf"|jeton{_OF}|token{_OF}|schl(?:ü|ue)ssel"
)
"""The end of each such name, in lower case."""

NO_VALUES: Final = frozenset({*PASSWORDS, "mot de passe"}) | frozenset(
    "erforderlich falsch ist kennwort mindestens passwort siehe ungültig vergessen incorrect obligatoire oublié requis "
    "requise incorrecta incorrecto mínimo obligatoria obligatorio olvidada requerida requerido obbligatoria "
    "obrigatória verplicht".split()
)
"""What stands beside such a name and is no password: the name itself, and what sentences on passwords go on with."""

IS: Final = "ist|lautet|est|c['’]est|es|è|é|är|jest|je|là|adalah|هي|היא"
"""Verbs between a name and its value."""

FOR: Final = "für|von|der|des|pour|du|de|del|para|da|do|của|от|для"
"""Words between a name and what it opens."""


def as_json(pattern: str) -> str:
    """`pattern` so that each letter beyond ASCII also fits as JSON of ASCII only has it, and its capital."""
    return re.sub(r"[^\x00-\x7f]", lambda letter: _any_form(letter[0]), pattern)


def _any_form(letter: str) -> str:
    codes = "|".join(sorted({f"{ord(form):04x}" for form in (letter, letter.upper()) if len(form) == 1}))
    return rf"(?:{letter}|{letter.upper()}|\\+u(?:{codes}))"
