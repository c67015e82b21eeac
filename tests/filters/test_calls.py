"""Secrets that are arguments of functions, or are typed into a field, in code."""

from __future__ import annotations

import json

import pytest

from llmtrace.filters.redact import redact_text

SECRET = "hunter2xY9"
TEXTS = """\
MySQLdb.connect('localhost', 'root', '{}', 'shop')
ssh.connect('host', 22, 'bob', '{}')
DriverManager.getConnection("jdbc:mysql://db/x", "bob", "{}");
new PDO("mysql:host=db", "bob", "{}");
mysqli_connect("localhost", "bob", "{}", "shop");
new NetworkCredential("bob", "{}");
ConvertTo-SecureString "{}" -AsPlainText -Force
WiFi.begin("home", "{}");
db.auth("bob", "{}")
jwt.encode({"a": 1}, "{}", algorithm="HS256")
jwt.decode(text, key="{}", algorithms=["HS256"])
Fernet(b"{}")
hmac.new(b"{}", message, "sha256")
EXEC sp_addlogin 'bob', '{}'
PRAGMA key = '{}'
SELECT pgp_sym_encrypt('x', '{}')
page.locator("#password").fill("{}")
page.get_by_label("Password").fill("{}")
page.fill('input[name="password"]', '{}')
driver.find_element(By.ID, "password").send_keys("{}")
cy.get('#password').type('{}')
- textbox "Password" [ref=e12]: {}
- textbox "Password" [active] [ref=e12]: {}
requests.get(url, headers={"Authorization": "Bearer " + "{}"})
let password: &str = "{}";
s:8:"password";s:10:"{}";
fields { key: "password" value { string_value: "{}" } }
variable "db_password" {\\n  type    = string\\n  default = "{}"\\n}
<meta name="csrf-token" content="{}">
""".splitlines()


@pytest.mark.parametrize("text", [text.replace("\\n", "\n") for text in TEXTS])
def test_they_are_masked_and_nothing_else_is(text: str) -> None:
    assert redact_text(text.replace("{}", SECRET)) == text.replace("{}", "[REDACTED]")
    assert SECRET not in redact_text(json.dumps({"code": text.replace("{}", SECRET)}))


@pytest.mark.parametrize(
    "text",
    [
        'ssh.connect("host1.example.com", 22, "bob1985x")',
        "MySQLdb.connect('localhost1a', 'root', password, 'shop')",
        'sqlite3.connect("shop1a.db")',
        "WiFi.begin(ssid, password);",
        "Fernet(Fernet.generate_key())",
        'hmac.new(key, b"message1a2b", "sha256")',
        'jwt.encode({"user1": "a1b2c3"}, settings.SECRET_KEY, algorithm="HS256")',
        "PRAGMA foreign_keys = ON",
        "ATTACH 'shop1.db' AS s2",
        'page.locator("#search").fill("rtx4090ti")',
        'page.get_by_label("Password").fill(password)',
        'page.get_by_label("Forgot password?").click()',
        '- textbox "Email" [ref=e11]: bob1985@example.com',
        '- heading "Password reset" [level=1] [ref=e3]',
        'let password: &str = env!("PASSWORD");',
        'let token: String = std::env::var("TOKEN").unwrap();',
        "$password = $_POST['password'];",
        'key: "username" value { string_value: "bob1985x" }',
        'variable "db_password" {\n  type = string\n}\nvariable "region" {\n  default = "eu-central-1"\n}',
        '<meta name="csrf-param" content="authenticity_token">',
        "UPDATE users SET password = crypt($1, gen_salt('bf'))",
        "password = random_password.db.result",
        "password: \"{{ lookup('env', 'DB_PASSWORD') }}\"",
        "existingSecret: shop-db-2024",
    ],
)
def test_others_are_left(text: str) -> None:
    assert redact_text(text) == text
    assert redact_text(json.dumps([text])) == json.dumps([text])
