"""Secrets as people and programs write them in sentences, commands, code and colours, and what only looks so."""

from __future__ import annotations

import json

import pytest

from llmtrace.filters import Redact
from llmtrace.filters.redact import redact_text
from tests.filters.places import PLACES, texts_of

REDACT = Redact()
SECRET = "hunter2xY9"
TEXTS = (
    "Can you use my password {} to log in?",
    "Use {} as the password, please",
    "{} is my password.",
    "ssh bob@host with password {}",
    "The password for the database is {}",
    "Password for bob@example.com: {}",
    "[sudo] password for bob: {}\n",
    "pwd for the wifi: {}!",
    "The API key you asked for is '{}'.",
    "ENV DB_PASSWORD {}",
    "setx API_KEY {}",
    "requirepass {}",
    "docker login -u bob -p {} registry.example",
    "sqlcmd -S db -U sa -P {}",
    "ldapsearch -x -D cn=admin -w {}",
    'user.set_password("{}")',
    'SECRET_KEY = env("SECRET_KEY", default="{}")',
    'User.objects.create_user("bob", "bob@example.com", "{}")',
    "smtp.login('bob', '{}')",
    'requests.get(url, auth=HTTPBasicAuth("bob", "{}"))',
    "[(b'host', b'x'), (b'x-api-key', b'{}')]",
    '<wsse:Password Type="http://docs.example/wss-username-token-profile-1.0#PasswordText">{}</wsse:Password>',
    "\x1b[36mapi_key\x1b[0m=\x1b[35m{}\x1b[0m \x1b[36mcount\x1b[0m=\x1b[35m3\x1b[0m",
    "\x1b[1;36mpassword\x1b[0m: \x1b[32m'{}'\x1b[0m",
    "<tr><th>password</th><td>{}</td></tr>",
    '<td>DB_PASSWORD</td>\n  <td class="code"><pre>&#x27;{}&#x27;</pre></td>',
    "<p><b>Password:</b> {}</p>",
    "<li><strong>Password</strong>: <code>{}</code></li>",
    "* **API Key** \u2013 `{}`",
    "__Secret__: {}",
    "Password:\n```\n{}\n```",
    "API key:\n```bash\n{}\n```",
    "Your password will be {}, change it",
    "I changed my password from {} yesterday",
    "password            {}\nuser                bob\n",
    "1 validation error for Login\napi_key\n  Input is too short [type=short, input_value='{}', input_type=str]",
    "DETAIL:  Key (api_token)=({}) already exists.",
    "[SQL: INSERT INTO users (name, password) VALUES (?, ?)]\n[parameters: ('bob', '{}')]",
    '(0.001) INSERT INTO "users" ("name", "password") VALUES (%s, %s); args=(\'bob\', \'{}\'); alias=default',
    "[HumanMessage(content='name,password\\nbob,{}\\nann,x')]",
    "curl -ubob:{} https://shop.example/",
    "mongosh -u bob -p {} shop",
    "keytool -storepass {} -list",
    "Token: \x1b[38;5;141mghp_{}1234567890ABCDEFGHIJKLMNOP\x1b[0m",
    "The root password has been changed to {}.",
    "My new password is going to be {}",
    "The password's {}",
    "my password, which is {}, no longer works",
    "password (admin): {}",
    "password [admin]: {}",
    "Password \U0001f511: {}",
    "Change password from {} to something else",
    "password: !!str {}",
    "password: &pw {}",
    "X-Honeycomb-Team: {}",
    "OTEL_EXPORTER_OTLP_HEADERS=x-honeycomb-team={}",
    "[Peer]\nPresharedKey = {}",
    'psk="{}"',
    'Content-Disposition: form-data; name="api_key"\r\nContent-Type: text/plain\r\n\r\n{}\r\n--x',
)


@pytest.mark.parametrize("text", TEXTS)
def test_they_are_masked(text: str) -> None:
    planted = text.format(SECRET)
    assert SECRET not in redact_text(planted)
    for place in ("message", "arguments of a tool as JSON", "part of JSON"):
        assert SECRET not in texts_of(REDACT(PLACES[place](planted))), place


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_beside_them_is(text: str) -> None:
    before, _, after = text.partition("{}")
    masked = redact_text(text.format(SECRET))
    assert masked.startswith(before.removesuffix("ghp_"))
    assert masked.endswith(after.removeprefix("1234567890ABCDEFGHIJKLMNOP").removeprefix("!"))


@pytest.mark.parametrize(
    "text",
    [
        "Use Argon2id as the password hash",
        "abc123DEF456 is the password field's id",
        "abc123DEF456 is the secret ingredient",
        "use SHA256 as the token algorithm",
        "I use Bitwarden2024 as a password manager",
        "Windows11Pro is my secret tip, Python3.11 too",
        "use gpt-4o-2024-08-06 as the secret ingredient",
        "password SHA256 hashing with PBKDF2",
        "Is the password case-sensitive2?",
        "Access token OAuth2 flows are explained in RFC6749.",
        "The password for bob is stored in the vault",
        "The secret for success is: hard work",
        "API key for OpenAI: see https://platform.openai.com/api-keys",
        "token 0xdAC17F958D2ee523a2206206994597C13D831ec7",
        "Invalid token at position 12: 'abc123def'",
        "unexpected token: ident12345",
        'unrecognized token: "12abc34"',
        "The login page -p flag is unknown",
        'login("Home", "Sign in to your account")',
        'create_user("bob", "bob@example.com", password)',
        'getpass("Password: ")',
        'self.validate_passwords("new_password1", "new_password2")',
        'client.login(username="bob", password=password)',
        'env("SECRET_KEY", default="change-me")',
        "<b>Password:</b> required, <code>password</code>: <i>string</i>",
        "<tr><th>Password</th><td>Change it</td></tr><tr><th>Token</th><td>none</td></tr>",
        "<password> is a tag, password: <your password>",
        "Set the API key:\n```bash\nexport OPENAI_API_KEY=...\n```",
        "1 validation error for Login\npassword\n  Field required [type=missing, input_value={'a': 1}]",
        "[SQL: INSERT INTO users (name, password) VALUES (?, ?)]\n[parameters: ('hunter2xY9', None)]",
        "The password should be long, would be nice",
        "**Token** - a unit of text, **password** - a word",
        "'from accounts import user, password\\nfirst, second99 = user, password'",
        "password: !secret db_password",
        "password: !vault |",
        "INSERT INTO users (name, password) VALUES ('\" + name + \"', '\" + password + \"')",
        "password (optional): leave empty",
        "Password (again): repeat it",
        "Password [hidden]: ********",
        "my token, which is a JWT, expires",
        "The secret, which is stored in vault2, is rotated",
        "Change password from the settings page to log in again",
        "the password's strength is weak2",
        "Your password has been changed successfully.",
        "secrets: inherit",
        "License key: contact sales",
        'password: "must not be empty"',
        "passphrase: something that only you know",
    ],
)
def test_others_are_left(text: str) -> None:
    assert redact_text(text) == text
    assert redact_text(json.dumps([text])) == json.dumps([text])
