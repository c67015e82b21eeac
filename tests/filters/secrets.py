"""Secrets of many kinds, made up from a seed: they have the form of real ones and open nothing."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Final, NamedTuple

ALNUM: Final = string.ascii_letters + string.digits
LOWER: Final = string.ascii_lowercase + string.digits
UPPER: Final = string.ascii_uppercase + string.digits
HEX: Final = "0123456789abcdef"
URLSAFE: Final = ALNUM + "_-"
BASE64: Final = ALNUM + "+/"
SYMBOLS: Final = ALNUM + "!#%*+-./:=?@^_~"


class Planted(NamedTuple):
    """A text with a secret in it."""

    kind: str
    secret: str
    text: str


def drawn(random: Random, characters: str, length: int) -> str:
    return "".join(random.choices(characters, k=length))


def mixed(random: Random, characters: str, length: int) -> str:
    """A text in which a letter and a digit are certain, as password rules want."""
    return (
        random.choice("abcdefghkmnp")
        + drawn(random, characters, length - 3)
        + random.choice("ABC")
        + random.choice("23456789")
    )


def uuid(random: Random) -> str:
    return "-".join(drawn(random, HEX, length) for length in (8, 4, 4, 4, 12))


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def jwt(random: Random) -> str:
    claims = {"sub": drawn(random, string.digits, 10), "iat": random.randrange(10**9)}
    return f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims)}.{drawn(random, URLSAFE, 43)}"


def private_key(random: Random, label: str) -> str:
    lines = [drawn(random, BASE64, 64) for _ in range(12)] + [drawn(random, BASE64, 22) + "=="]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])


TOKENS: Final[Mapping[str, Callable[[Random], str]]] = {
    "openai": lambda r: "sk-" + drawn(r, ALNUM, 20) + "T3BlbkFJ" + drawn(r, ALNUM, 20),
    "openai project": lambda r: "sk-proj-" + drawn(r, URLSAFE, 74) + "T3BlbkFJ" + drawn(r, URLSAFE, 74),
    "openai service account": lambda r: "sk-svcacct-" + drawn(r, URLSAFE, 120),
    "anthropic": lambda r: "sk-ant-api03-" + drawn(r, URLSAFE, 93) + "AA",
    "openrouter": lambda r: "sk-or-v1-" + drawn(r, HEX, 64),
    "deepseek": lambda r: "sk-" + drawn(r, HEX, 32),
    "litellm": lambda r: "sk-" + mixed(r, URLSAFE, 22),
    "langfuse": lambda r: "sk-lf-" + uuid(r),
    "langsmith": lambda r: "lsv2_pt_" + drawn(r, HEX, 32) + "_" + drawn(r, HEX, 10),
    "google": lambda r: "AIza" + drawn(r, URLSAFE, 35),
    "google oauth": lambda r: "ya29." + drawn(r, URLSAFE, 120),
    "google oauth client": lambda r: "GOCSPX-" + drawn(r, URLSAFE, 28),
    "google refresh": lambda r: "1//0" + drawn(r, URLSAFE, 40),
    "groq": lambda r: "gsk_" + drawn(r, ALNUM, 52),
    "xai": lambda r: "xai-" + drawn(r, ALNUM, 80),
    "perplexity": lambda r: "pplx-" + drawn(r, ALNUM, 48),
    "replicate": lambda r: "r8_" + drawn(r, ALNUM, 37),
    "hugging face": lambda r: "hf_" + drawn(r, string.ascii_letters, 34),
    "pinecone": lambda r: "pcsk_" + drawn(r, ALNUM + "_", 70),
    "nvidia": lambda r: "nvapi-" + drawn(r, URLSAFE, 64),
    "fireworks": lambda r: "fw_" + drawn(r, ALNUM, 24),
    "tavily": lambda r: "tvly-" + drawn(r, ALNUM, 32),
    "aws access key": lambda r: "AKIA" + drawn(r, UPPER, 16),
    "aws temporary key": lambda r: "ASIA" + drawn(r, UPPER, 16),
    "aws session": lambda r: "IQoJb3JpZ2luX2Vj" + drawn(r, BASE64, 200) + "==",
    "bedrock": lambda r: "ABSK" + drawn(r, BASE64, 128) + "==",
    "github": lambda r: "ghp_" + drawn(r, ALNUM, 36),
    "github oauth": lambda r: "gho_" + drawn(r, ALNUM, 36),
    "github app": lambda r: "ghs_" + drawn(r, ALNUM, 36),
    "github fine-grained": lambda r: "github_pat_" + drawn(r, ALNUM, 22) + "_" + drawn(r, ALNUM, 59),
    "gitlab": lambda r: "glpat-" + drawn(r, URLSAFE, 20),
    "gitlab runner": lambda r: "glrt-" + drawn(r, URLSAFE, 20),
    "slack bot": lambda r: f"xoxb-{drawn(r, string.digits, 12)}-{drawn(r, string.digits, 12)}-{drawn(r, ALNUM, 24)}",
    "slack user": lambda r: f"xoxp-{drawn(r, string.digits, 12)}-{drawn(r, string.digits, 12)}-{drawn(r, HEX, 32)}",
    "slack app": lambda r: f"xapp-1-A{drawn(r, UPPER, 10)}-{drawn(r, string.digits, 13)}-{drawn(r, HEX, 64)}",
    "slack webhook": lambda r: (
        f"hooks.slack.com/services/T{drawn(r, UPPER, 8)}/B{drawn(r, UPPER, 10)}/{drawn(r, ALNUM, 24)}"
    ),
    "discord webhook": lambda r: f"discord.com/api/webhooks/{drawn(r, string.digits, 18)}/{drawn(r, URLSAFE, 68)}",
    "discord bot": lambda r: f"M{drawn(r, ALNUM, 25)}.{drawn(r, URLSAFE, 6)}.{drawn(r, URLSAFE, 38)}",
    "telegram": lambda r: f"{r.randrange(10**8, 10**10)}:AA{drawn(r, URLSAFE, 33)}",
    "stripe": lambda r: "sk_live_" + drawn(r, ALNUM, 24),
    "stripe test": lambda r: "sk_test_" + drawn(r, ALNUM, 99),
    "stripe restricted": lambda r: "rk_live_" + drawn(r, ALNUM, 40),
    "stripe webhook": lambda r: "whsec_" + drawn(r, ALNUM, 32),
    "square": lambda r: "sq0atp-" + drawn(r, URLSAFE, 22),
    "square access": lambda r: "EAAA" + drawn(r, URLSAFE, 60),
    "facebook": lambda r: "EAA" + drawn(r, ALNUM, 160),
    "shopify": lambda r: "shpat_" + drawn(r, HEX, 32),
    "plaid": lambda r: "access-production-" + uuid(r),
    "braintree": lambda r: f"access_token$production${drawn(r, LOWER, 16)}${drawn(r, HEX, 32)}",
    "sendgrid": lambda r: f"SG.{drawn(r, URLSAFE, 22)}.{drawn(r, URLSAFE, 43)}",
    "brevo": lambda r: f"xkeysib-{drawn(r, HEX, 64)}-{drawn(r, ALNUM, 16)}",
    "mailgun": lambda r: "key-" + drawn(r, HEX, 32),
    "mailchimp": lambda r: drawn(r, HEX, 32) + "-us" + str(r.randrange(1, 22)),
    "twilio": lambda r: "SK" + drawn(r, HEX, 32),
    "npm": lambda r: "npm_" + drawn(r, ALNUM, 36),
    "pypi": lambda r: "pypi-AgEIcHlwaS5vcmc" + drawn(r, URLSAFE, 150),
    "rubygems": lambda r: "rubygems_" + drawn(r, HEX, 48),
    "docker": lambda r: "dckr_pat_" + drawn(r, URLSAFE, 27),
    "digitalocean": lambda r: "dop_v1_" + drawn(r, HEX, 64),
    "databricks": lambda r: "dapi" + drawn(r, HEX, 32),
    "vault": lambda r: "hvs." + drawn(r, URLSAFE, 95),
    "terraform": lambda r: f"{drawn(r, ALNUM, 14)}.atlasv1.{drawn(r, URLSAFE, 67)}",
    "doppler": lambda r: "dp.pt." + drawn(r, ALNUM, 43),
    "grafana": lambda r: f"glsa_{drawn(r, ALNUM, 32)}_{drawn(r, HEX, 8)}",
    "new relic": lambda r: "NRAK-" + drawn(r, UPPER, 27),
    "new relic license": lambda r: drawn(r, HEX, 36) + "NRAL",
    "sentry": lambda r: "sntryu_" + drawn(r, HEX, 64),
    "linear": lambda r: "lin_api_" + drawn(r, ALNUM, 40),
    "notion": lambda r: "ntn_" + drawn(r, ALNUM, 46),
    "airtable": lambda r: f"pat{drawn(r, ALNUM, 14)}.{drawn(r, HEX, 64)}",
    "atlassian": lambda r: "ATATT3xFfGF0" + drawn(r, URLSAFE, 170) + "=" + drawn(r, UPPER, 8),
    "postman": lambda r: f"PMAK-{drawn(r, HEX, 24)}-{drawn(r, HEX, 34)}",
    "dropbox": lambda r: "sl." + drawn(r, URLSAFE, 135),
    "figma": lambda r: "figd_" + drawn(r, URLSAFE, 40),
    "planetscale": lambda r: "pscale_tkn_" + drawn(r, URLSAFE, 43),
    "supabase": lambda r: "sbp_" + drawn(r, HEX, 40),
    "pulumi": lambda r: "pul-" + drawn(r, HEX, 40),
    "heroku": lambda r: "HRKU-AA" + drawn(r, URLSAFE, 58),
    "azure client secret": lambda r: drawn(r, ALNUM, 3) + r.choice("78") + "Q~" + drawn(r, ALNUM + "_.~-", 34),
    "azure ai": lambda r: drawn(r, ALNUM, 52) + "JQQJ99" + drawn(r, ALNUM, 26),
    "firebase": lambda r: f"AAAA{drawn(r, URLSAFE, 7)}:APA91b{drawn(r, URLSAFE, 134)}",
    "amazon mws": lambda r: "amzn.mws." + uuid(r),
    "hubspot": lambda r: "pat-na1-" + uuid(r),
    "mapbox": lambda r: f"sk.eyJ{drawn(r, ALNUM, 60)}.{drawn(r, URLSAFE, 22)}",
    "nuget": lambda r: "oy2" + drawn(r, LOWER, 43),
    "vercel": lambda r: "vcp_" + drawn(r, ALNUM, 56),
    "django password": lambda r: f"pbkdf2_sha256$1000000${drawn(r, ALNUM, 22)}${drawn(r, BASE64, 43)}=",
    "bcrypt": lambda r: f"$2b$12${drawn(r, BASE64.replace('+', '.'), 53)}",
    "crypt": lambda r: f"$6${drawn(r, ALNUM, 16)}${drawn(r, ALNUM + './', 86)}",
    "age": lambda r: "AGE-SECRET-KEY-1" + drawn(r, UPPER, 58),
    "json web token": jwt,
    "google oauth code": lambda r: "4/0A" + drawn(r, URLSAFE, 70),
    "runpod": lambda r: "rpa_" + drawn(r, UPPER, 40),
    "apify": lambda r: "apify_api_" + drawn(r, ALNUM, 36),
    "slack browser": lambda r: f"xoxc-{drawn(r, string.digits, 12)}-{drawn(r, string.digits, 12)}-{drawn(r, HEX, 64)}",
    "zapier webhook": lambda r: f"hooks.zapier.com/hooks/catch/{drawn(r, string.digits, 6)}/{drawn(r, LOWER, 7)}",
    "resend": lambda r: f"re_{drawn(r, ALNUM, 8)}_{drawn(r, ALNUM, 24)}",
    "twilio account": lambda r: f"AC{drawn(r, HEX, 32)}:{drawn(r, HEX, 32)}",
    "cloudflare origin": lambda r: f"v1.0-{drawn(r, HEX, 24)}-{drawn(r, HEX, 146)}",
    "tailscale": lambda r: f"tskey-auth-k{drawn(r, ALNUM, 11)}CNTRL-{drawn(r, ALNUM, 32)}",
    "honeycomb": lambda r: "hcaik_" + drawn(r, LOWER, 58),
    "axiom": lambda r: "xaat-" + uuid(r),
    "logfire": lambda r: "pylf_v1_us_" + drawn(r, ALNUM, 43),
    "posthog": lambda r: "phx_" + drawn(r, ALNUM, 43),
    "mailgun sending": lambda r: f"{drawn(r, HEX, 32)}-{drawn(r, HEX, 8)}-{drawn(r, HEX, 8)}",
    "werkzeug password": lambda r: f"scrypt:32768:8:1${drawn(r, ALNUM, 16)}${drawn(r, HEX, 128)}",
    "ldap password": lambda r: "{SSHA}" + drawn(r, BASE64, 32),
    "postgres password": lambda r: f"SCRAM-SHA-256$4096:{drawn(r, BASE64, 22)}==${drawn(r, BASE64, 43)}=",
    "mysql password": lambda r: "*" + drawn(r, "0123456789ABCDEF", 40),
    "kerberos": lambda r: f"$krb5tgs$23$*bob$REALM$svc*${drawn(r, HEX, 32)}${drawn(r, HEX, 200)}",
    "json web encryption": lambda r: (
        f"{encoded({'alg': 'dir', 'enc': 'A256GCM'})}..{drawn(r, URLSAFE, 16)}"
        f".{drawn(r, URLSAFE, 80)}.{drawn(r, URLSAFE, 22)}"
    ),
    "paseto": lambda r: "v4.local." + drawn(r, URLSAFE, 100),
    "fernet token": lambda r: "gAAAAAB" + drawn(r, URLSAFE, 93),
}
"""Tokens that their form alone gives away."""

TEXTS: Final[Mapping[str, tuple[Callable[[Random], str], str]]] = {
    "password": (lambda r: mixed(r, SYMBOLS, 14), "password: {}"),
    "password of a word": (lambda r: r.choice(["swordfish", "sunshine", "Trustno1x", "dragonfly"]), "Password: {}"),
    "password in a sentence": (lambda r: mixed(r, ALNUM, 12), "My password is {}, please keep it"),
    "password assigned": (lambda r: mixed(r, ALNUM, 12), 'db_password = "{}"  # of the shop'),
    "passphrase": (lambda r: " ".join(drawn(r, string.ascii_lowercase, 6) for _ in range(5)), "passphrase='{}'"),
    "environment": (lambda r: mixed(r, BASE64, 40), "export AWS_SECRET_ACCESS_KEY={}\nexport DEBUG=1"),
    "aws pair": (lambda r: mixed(r, BASE64, 40), "AKIAABCDEFGHIJKLMNOP\n{}\nus-east-1"),
    "django": (lambda r: mixed(r, ALNUM + "!@#%^&*(-_=+)", 50), "SECRET_KEY = '{}'"),
    "api key": (lambda r: drawn(r, HEX, 32), "X-Api-Key: {}"),
    "api key in prose": (lambda r: mixed(r, ALNUM, 40), "Use the API key {} please".replace("{}", "= {}")),
    "cohere": (lambda r: mixed(r, ALNUM, 40), "COHERE_API_KEY={}"),
    "datadog": (lambda r: drawn(r, HEX, 32), "DD_API_KEY: {}"),
    "client secret": (lambda r: mixed(r, URLSAFE, 32), "client_id=shop&client_secret={}&grant_type=x"),
    "access token in a URL": (lambda r: mixed(r, URLSAFE, 32), "https://api.example/v1?access_token={}&page=2"),
    "signature of a URL": (lambda r: drawn(r, HEX, 64), "https://b.s3.example/x?X-Amz-Expires=60&X-Amz-Signature={}"),
    "shared access signature": (lambda r: mixed(r, ALNUM, 43) + "%3D", "https://a.blob.example/c?sv=2024-01-01&sig={}"),
    "storage account": (lambda r: mixed(r, BASE64, 86) + "==", "AccountName=shop;AccountKey={};EndpointSuffix=x"),
    "bearer": (lambda r: mixed(r, URLSAFE, 40), "Authorization: Bearer {}"),
    "bearer alone": (lambda r: mixed(r, URLSAFE, 40), "send bearer {} with it"),
    "basic": (lambda r: base64.b64encode(f"bob:{mixed(r, ALNUM, 12)}".encode()).decode(), "Authorization: Basic {}"),
    "basic alone": (lambda r: base64.b64encode(f"bob:{mixed(r, ALNUM, 12)}".encode()).decode(), "Basic {}"),
    "token header": (lambda r: mixed(r, ALNUM, 30), "authorization: Token {}"),
    "digest": (lambda r: drawn(r, HEX, 32), 'Authorization: Digest username="bob", response="{}"'),
    "cookie": (lambda r: mixed(r, LOWER, 32), "Cookie: theme=dark; sessionid={}"),
    "set-cookie": (lambda r: mixed(r, URLSAFE, 32), "Set-Cookie: sid={}; HttpOnly; Path=/"),
    "csrf": (lambda r: mixed(r, ALNUM, 32), "csrfmiddlewaretoken={}"),
    "curl": (lambda r: mixed(r, ALNUM, 12), "curl -u admin:{} https://example/"),
    "curl header": (lambda r: mixed(r, ALNUM, 30), 'curl -H "X-Auth-Token: {}" https://example/'),
    "command line": (lambda r: mixed(r, ALNUM, 12), "mysqldump --password {} shop"),
    "command line assigned": (lambda r: mixed(r, ALNUM, 12), "run --api-key={} --verbose"),
    "postgres": (lambda r: mixed(r, ALNUM, 16), "postgres://shop:{}@db.example:5432/shop"),
    "redis": (lambda r: mixed(r, ALNUM, 16), "redis://:{}@cache:6379/0"),
    "amqp": (lambda r: mixed(r, ALNUM + "@/", 16), "amqp://guest:{}@queue/"),
    "mongodb": (lambda r: mixed(r, ALNUM, 16), "mongodb+srv://shop:{}@cluster0.example/?retryWrites=true"),
    "https": (lambda r: mixed(r, ALNUM, 20), "https://bob:{}@git.example/shop.git"),
    "token as user": (lambda r: mixed(r, ALNUM, 30), "https://{}@git.example/shop.git"),
    "escaped url": (lambda r: mixed(r, ALNUM, 16), "next=https%3A%2F%2Fbob%3A{}%40example%2F"),
    "odbc": (lambda r: mixed(r, ALNUM, 16), "Server=db;Uid=shop;Pwd={};"),
    "sql": (lambda r: mixed(r, ALNUM, 16), "CREATE USER shop IDENTIFIED BY '{}'"),
    "yaml": (lambda r: mixed(r, ALNUM, 16), "database:\n  user: shop\n  password: {}\n  port: 5432"),
    "yaml pair": (lambda r: mixed(r, ALNUM, 16), "env:\n- name: DB_PASSWORD\n  value: {}\n- name: X\n  value: 1"),
    "ini": (lambda r: mixed(r, ALNUM, 16), "[db]\nuser = shop\npasswd = {}\n"),
    "xml": (lambda r: mixed(r, ALNUM, 16), "<db><user>shop</user><password>{}</password></db>"),
    "html form": (lambda r: mixed(r, ALNUM, 16), '<input name="password" value="{}">'),
    "python": (lambda r: mixed(r, ALNUM, 16), "client = Client(user='bob', api_key='{}', timeout=3)"),
    "python tuple": (lambda r: mixed(r, ALNUM, 16), "requests.get(url, auth=('bob', '{}'))"),
    "python annotated": (lambda r: mixed(r, ALNUM, 16), 'token: str = "{}"'),
    "python repr": (lambda r: mixed(r, SYMBOLS, 16), "{{'user': 'bob', 'password': '{}'}}"),
    "ruby": (lambda r: mixed(r, ALNUM, 16), ':password => "{}"'),
    "json in prose": (lambda r: mixed(r, ALNUM, 16), 'I called it with {{"user": "bob", "password": "{}"}} and failed'),
    "json escaped": (lambda r: mixed(r, ALNUM, 16), '"{{\\"user\\": \\"bob\\", \\"password\\": \\"{}\\"}}" was sent'),
    "html escaped": (lambda r: mixed(r, ALNUM, 16), "{{&quot;password&quot;: &quot;{}&quot;}}"),
    "url escaped": (lambda r: mixed(r, ALNUM, 16), "body=user%3Dbob%26password%3D{}"),
    "markdown": (lambda r: mixed(r, ALNUM, 16), "- **Password:** `{}`"),
    "table": (lambda r: mixed(r, ALNUM, 16), "| user | bob |\n| password | {} |\n"),
    "dash": (lambda r: mixed(r, ALNUM, 16), "Password - {}"),
    "wide colon": (lambda r: mixed(r, ALNUM, 16), "password\uff1a{}"),
    "xml property": (lambda r: mixed(r, ALNUM, 16), '<property name="db.password">{}</property>'),
    "docker config": (lambda r: base64.b64encode(f"bob:{mixed(r, ALNUM, 12)}".encode()).decode(), '{{"auth": "{}"}}'),
    "git credentials": (lambda r: mixed(r, ALNUM, 40), "https://x-access-token:{}@github.com/shop/shop.git"),
    "one-time password": (lambda r: drawn(r, UPPER, 32) + "Q7", "otpauth://totp/shop:bob?secret={}&issuer=shop"),
    "webhook": (lambda r: mixed(r, ALNUM, 32), "webhook_secret: {}"),
    "recovery": (lambda r: " ".join(drawn(r, string.ascii_lowercase, 6) for _ in range(12)), 'seed_phrase="{}"'),
    "rsa key": (lambda r: private_key(r, "RSA PRIVATE KEY"), "{}"),
    "pkcs8 key": (lambda r: private_key(r, "PRIVATE KEY"), "the key:\n{}\nis mine"),
    "openssh key": (lambda r: private_key(r, "OPENSSH PRIVATE KEY"), "{}"),
    "pgp key": (lambda r: private_key(r, "PGP PRIVATE KEY BLOCK"), "{}"),
    "key cut off": (lambda r: private_key(r, "EC PRIVATE KEY").rpartition("\n")[0], "{}"),
    "key in escapes": (lambda r: private_key(r, "PRIVATE KEY").replace("\n", "\\n"), 'key = "{}"'),
    "key begun before": (lambda r: private_key(r, "PRIVATE KEY").split("\n", 3)[3], "{}"),
    "key in base64": (
        lambda r: base64.b64encode(private_key(r, "RSA PRIVATE KEY").encode()).decode(),
        "data:\n  tls.key: {}\n",
    ),
    "key in small letters": (lambda r: private_key(r, "PRIVATE KEY").lower(), "{}"),
    "key of wide lines": (lambda r: private_key(r, "PRIVATE KEY").replace("\n", "\r\n    "), "key: |\n    {}\n"),
    "reset of a password": (
        lambda r: f"d{drawn(r, LOWER, 5)}-{drawn(r, HEX, 32)}",
        "GET https://shop.example/accounts/reset/MQ/{}/",
    ),
    "signed by Django": (
        lambda r: f"1t{drawn(r, ALNUM, 4)}:{drawn(r, URLSAFE, 43)}",
        "/accounts/confirm-email/MQ:{}/",
    ),
    "sign-in by a link": (lambda r: mixed(r, URLSAFE, 32), "https://shop.example/?sesame={}"),
    "signed request": (
        lambda r: drawn(r, HEX, 64),
        "AWS4-HMAC-SHA256 Credential=x/s3/aws4_request, SignedHeaders=host, Signature={}",
    ),
    "bearer in capitals": (lambda r: mixed(r, URLSAFE, 40), "AUTHORIZATION: BEARER {}"),
    "bearer in a page": (lambda r: mixed(r, URLSAFE, 40), "Authorization: Bearer&#32;{}"),
    "bearer in bytes": (lambda r: mixed(r, URLSAFE, 40), "[(b'Host', b'x'), (b'Authorization', b'Bearer {}')]"),
    "tag in a page": (lambda r: mixed(r, ALNUM, 16), "&lt;password&gt;{}&lt;/password&gt;"),
    "character data": (lambda r: mixed(r, ALNUM, 16), "<password><![CDATA[{}]]></password>"),
    "html field": (lambda r: mixed(r, ALNUM, 16), '<input name="password" type="text" id="x" value="{}">'),
    "form's part": (
        lambda r: mixed(r, ALNUM, 16),
        'Content-Disposition: form-data; name="password"\r\n\r\n{}\r\n--x',
    ),
    "url escaped twice": (lambda r: mixed(r, ALNUM, 16), "next=%252Flogin%253Fpassword%253D{}"),
    "sentence in a URL": (lambda r: mixed(r, ALNUM, 16), "https://search.example/?q=my+password+is+{}"),
    "set to": (lambda r: mixed(r, ALNUM, 16), "The password was set to {}"),
    "in brackets": (lambda r: mixed(r, ALNUM, 16), "password ({})"),
    "curly quotes": (lambda r: mixed(r, ALNUM, 16), "password \u201c{}\u201d"),
    "after a tab": (lambda r: mixed(r, ALNUM, 16), "user\tbob\npassword\t{}\n"),
    "coloured": (lambda r: mixed(r, ALNUM, 16), "\x1b[1mpassword\x1b[0m: {}"),
    "odd capitals": (lambda r: mixed(r, ALNUM, 16), "PaSsWoRd={}"),
    "makefile": (lambda r: mixed(r, ALNUM, 16), "API_KEY ?= {}"),
    "netrc": (lambda r: mixed(r, ALNUM, 16), "machine git.example login bob password {}"),
    "redis-cli": (lambda r: mixed(r, ALNUM, 16), "redis-cli -h cache -a {} ping"),
    "mysql": (lambda r: mixed(r, ALNUM, 16), "mysql -u root -p{} shop"),
    "wrapped": (lambda r: mixed(r, ALNUM, 16), "Settings(api_key=SecretStr('{}'))"),
    "locals": (lambda r: mixed(r, ALNUM, 16), "\u2502  api_key = '{}'  \u2502"),
    "query of a database": (lambda r: mixed(r, ALNUM, 16), "UPDATE auth SET password = '{}' WHERE id = 1"),
    "url in JSON": (lambda r: mixed(r, ALNUM, 16), '{{"url": "postgres:\\/\\/shop:{}@db\\/shop"}}'),
}
"""Secrets that what stands around them gives away."""

SENTENCES: Final = (
    "{}",
    "Here it is: {}",
    "I got {} from the dashboard, is that right?",
    "'{}'",
    "line one\\n{}\\nline three",
    "key=({}).",
)


def planted(seed: int) -> Iterator[Planted]:
    """One secret of each kind, in a text."""
    random = Random(seed)
    for kind, make in TOKENS.items():
        secret = make(random)
        yield Planted(kind, secret, random.choice(SENTENCES).format(secret))
    for kind, (make, text) in TEXTS.items():
        secret = make(random)
        yield Planted(kind, secret, text.format(secret))


def remains(secret: str, text: str) -> str | None:
    """Eight characters of `secret` that are left in `text`, None when there are none."""
    for line in secret.replace("\\n", "\n").split("\n"):
        line = line.strip()
        if line.startswith("-----"):
            continue
        for start in range(max(1, len(line) - 7)):
            if (part := line[start : start + 8]) in text:
                return part
    return None
