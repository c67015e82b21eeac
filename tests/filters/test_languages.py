"""Passwords in languages other than English."""

from __future__ import annotations

import json

import pytest

from llmtrace.filters.redact import redact_text

SECRET = "hunter2xY9"
TEXTS = """\
Mein Passwort ist {}
Das Passwort lautet: {}
Das Passwort für die Datenbank ist {}
Benutzername: bob, Passwort: {}
API-Schlüssel: {}
mon mot de passe est {}
Mot de passe : {}
mdp : {}
clé API : {}
ma clé secrète est {}
jeton d'accès : {}
mi contraseña es {}
Contraseña: {}
usuario: bob, clave: {}
contrasena={}
minha senha é {}
la mia password è {}
wachtwoord: {}
hasło: {}
lösenord: {}
пароль: {}
Пароль: {}
密码:{}
密码是{}
パスワード:{}
비밀번호: {}
""".splitlines()


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_they_are_masked_and_nothing_else_is(text: str, ascii_only: bool) -> None:
    assert redact_text(text.format(SECRET)) == text.format("[REDACTED]")
    packed = json.dumps({"a": json.dumps([text.format(SECRET)], ensure_ascii=ascii_only)}, ensure_ascii=ascii_only)
    assert SECRET not in redact_text(packed)
    assert SECRET not in redact_text("data: " + packed)


@pytest.mark.parametrize("name", ["contraseña", "CONTRASEÑA", "mot_de_passe", "motDePasse", "senha", "пароль", "密码"])
def test_beside_such_a_key_every_value_is_one(name: str) -> None:
    assert json.loads(redact_text(json.dumps({name: "sunshine"}))) == {name: "[REDACTED]"}


@pytest.mark.parametrize(
    "text",
    [
        "Passwort vergessen? Hier klicken2",
        "Das Passwort ist mindestens 12 Zeichen lang",
        "Passwort: mindestens 8 Zeichen",
        "Passwort: erforderlich",
        "Das Passwort lautet wie der Name",
        "Primärschlüssel: a1b2c3d4",
        "Der Schlüssel ist Disziplin2",
        "Mot de passe oublié ?",
        "Le mot de passe est obligatoire.",
        "mot de passe : 8 caractères minimum",
        "clé primaire : a1b2c3d4",
        "La contraseña es obligatoria",
        "contraseña: mínimo 8 caracteres",
        "la clave es la paciencia",
        "clave primaria: a1b2c3d4",
        "senha: obrigatória",
        "密码必须至少8个字符",
        "密码:必填",
        "パスワードは8文字以上",
        "пароль должен содержать 8 символов",
        '{"de": "Passwort", "fr": "mot de passe", "es": "contraseña", "ja": "パスワード"}',
        '{"password": "Passwort", "login.password": "Mot de passe"}',
        'msgid "Password"\nmsgstr "Passwort"',
        "MDP = 5 states, mdp: a model",
    ],
)
def test_others_are_left(text: str) -> None:
    assert redact_text(text) == text
