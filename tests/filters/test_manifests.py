"""Secrets in objects whose kind says that they are: Kubernetes' Secrets, private keys as JSON, and JSON in base64."""

from __future__ import annotations

import base64
import json

import pytest

from llmtrace.filters.redact import redact_text

MASK = "[REDACTED]"
SECRET = "cG9zdGdyZXM6Ly9zaG9wOmh1bnRlcjI="
MANIFESTS = (
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: shop\ndata:\n  DATABASE_URL: {}\n  other: {}\ntype: Opaque\n",
    "apiVersion: v1\ndata:\n  .dockerconfigjson: {}\nkind: Secret\n",
    "kind: Secret\nstringData:\n  config.yaml: |\n    {}\n    {}\nmetadata:\n  name: shop\n",
    "kind: ConfigMap\ndata:\n  level: debug2x\n---\nkind: Secret\ndata:\n  a: {}\n---\nkind: Service\n",
    "items:\n- apiVersion: v1\n  data:\n    a: {}\n  kind: Secret\n",
)
KEY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2


@pytest.mark.parametrize("text", MANIFESTS)
def test_all_data_of_a_secret_is_masked(text: str) -> None:
    assert redact_text(text.format(SECRET, SECRET)) == text.format(MASK, MASK)
    assert SECRET not in redact_text(json.dumps({"result": text.format(SECRET, SECRET)}))


def test_all_data_of_a_secret_in_json_is_masked() -> None:
    text = json.dumps({"kind": "Secret", "metadata": {"name": "shop"}, "data": {"license": SECRET, "smtp": "aGk="}})
    assert redact_text(text) == text.replace(SECRET, MASK).replace("aGk=", MASK)


@pytest.mark.parametrize(
    "text",
    [
        "kind: ConfigMap\ndata:\n  LOG_LEVEL: debug2x\n  REGION: eu1\n",
        "kind: ExternalSecret\ndata:\n  - secretKey: password\n    remoteRef:\n      key: shop/db2x\n",
        "kind: Secret\nmetadata:\n  name: shop-db2\n---\nkind: ConfigMap\ndata:\n  level: debug2x\n",
        '{"kind": "ConfigMap", "data": {"LOG_LEVEL": "debug2x"}}',
        '{"kind": "Secret", "name": "shop-db2"}',
    ],
)
def test_other_kinds_are_left(text: str) -> None:
    assert redact_text(text) == text


def test_the_private_members_of_a_web_key_are_masked() -> None:
    key = {"kty": "RSA", "n": KEY, "e": "AQAB", "d": KEY + "d", "p": KEY + "p", "kid": "2011-04-29"}
    masked = {**key, "d": MASK, "p": MASK}
    assert json.loads(redact_text(json.dumps(key))) == masked
    assert redact_text(f"It is {key!r}, isn't it?") == f"It is {masked!r}, isn't it?"
    public = json.dumps({name: value for name, value in key.items() if name not in ("d", "p")})
    assert redact_text(public) == public
    xml = "<RSAKeyValue><Modulus>{0}</Modulus><P>{1}</P><D>{1}</D></RSAKeyValue>"
    assert redact_text(xml.format(KEY, KEY + "d")) == xml.format(KEY, MASK)


@pytest.mark.parametrize("number", ["{}: ", "     {}\t", "{:>6}\u2192", "| ", "> ", "+"])
def test_a_private_key_in_a_listing_is_masked_with_its_end_and_without(number: str) -> None:
    lines = ["-----BEGIN RSA PRIVATE KEY-----", KEY, KEY[::-1], KEY, "-----END RSA PRIVATE KEY-----"]
    for count in (4, 5):
        text = "\n".join(number.format(line) + each for line, each in enumerate(lines[:count], 1))
        masked = redact_text(f"{text}\n")
        assert not [part for part in (KEY[:16], KEY[-16:], KEY[::-1][:16]) if part in masked]


def packed(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize("text", ["config: {} and more", '{{"state": "{}", "n": 1}}', "?state={}&n=1"])
def test_json_in_base64_is_masked_where_it_holds_a_secret(text: str) -> None:
    secret, harmless = {"user": "bob+ann", "password": "hunter2xY9"}, {"user": "bob+ann", "page": "hunter2xY9"}
    values: tuple[object, ...] = (secret, [secret], {"a": {"b": secret}})
    for value in values:
        assert redact_text(text.format(packed(value))) == text.format(MASK)
    values = (harmless, [harmless], {"offset": 10})
    for value in values:
        assert redact_text(text.format(packed(value))) == text.format(packed(value))
