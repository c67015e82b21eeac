"""Passwords on command lines, where only the program tells what an option means, and what only looks so."""

from __future__ import annotations

import json

import pytest

from llmtrace.filters.redact import redact_text

SECRETS = ("hunter2xY9", "Winter2024!", "s3cr3t-x9", "38a9c1d27b")
TEXTS = """\
mongo -u root -p {} --authenticationDatabase admin
twine upload -u bob -p {} dist/*
cqlsh -u cassandra -p {}
zip -P {} a.zip f
7z x -p{} a.7z
http -a bob:{} GET https://x.example
smbclient //srv/share -U bob%{}
net use \\\\srv\\share {} /user:bob
net user bob {} /add
xfreerdp /u:bob /p:{} /v:host
sqlplus scott/{}@orcl
bcp shop.dbo.x out f -U sa -P {}
htpasswd -bc /etc/nginx/.htpasswd bob {}
openssl enc -aes-256-cbc -k {} -in a
ssh-keygen -t ed25519 -N '{}' -f k
rabbitmqctl add_user bob {}
ipmitool -I lanplus -H h -U admin -P {} power status
snmpwalk -v2c -c {} host
gh secret set DB_PASSWORD --body "{}"
echo {} | docker login -u bob --password-stdin
echo "{}" | sudo -S apt update
echo 'bob:{}' | chpasswd
bob@host:~$ sudo -S <<< '{}' ls
curl -u :{} https://x.example
curl --proxy-user bob:{} https://x.example
curl -b "session={}" https://x.example
CREATE USER 'bob'@'%' IDENTIFIED WITH mysql_native_password BY '{}';
requirepass {}
bindpw {}
deploy --auth-token {} --verbose
deploy --db-password {} --verbose
docker run -e SSHPASS={} app
""".splitlines()


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("secret", SECRETS)
def test_they_are_masked_and_nothing_else_is(text: str, secret: str) -> None:
    before, _, after = text.partition("{}")
    masked = redact_text(text.replace("{}", secret))
    assert masked.startswith(before.removesuffix("session="))
    assert masked.endswith(after)
    assert secret not in masked
    assert secret not in redact_text(json.dumps({"cmd": text.replace("{}", secret)}))


def test_a_key_without_a_password_is_masked() -> None:
    assert redact_text("curl -u 4fK2xM9pQ7wZ3nB8vT1c: https://x") == "curl -u [REDACTED]: https://x"


@pytest.mark.parametrize("length", range(3, 40))
def test_a_value_that_begins_as_the_end_of_a_name_does_is_masked_whole(length: int) -> None:
    for begin in ("12", "3859", "test", "live_", "2 new"):
        value = (begin + "a1b2c3d4" * 5)[:length]
        assert redact_text(f"run --password '{value}' x") == "run --password '[REDACTED]' x"
        if " " not in value and length > 6:
            assert redact_text(f"run --password {value} x") == "run --password [REDACTED] x"


@pytest.mark.parametrize(
    "text",
    [
        "docker run -p 8080:80 -u 1000:1000 nginx:1.25",
        "ssh -p 2222 bob@host1.example.com",
        "mkdir -p build1a/x2y && cp -p file1a file2b",
        "unzip -p archive.zip file1a.txt",
        "zip -r archive2024.zip src",
        "openssl x509 -in cert1.pem -noout",
        "htpasswd -c /etc/nginx/.htpasswd bob",
        "net use Z: \\\\server1\\share2",
        "net user",
        "the net user base2024 grew",
        "sqlplus bob@orcl",
        "sqlplus /nolog",
        'curl -u "$USER:$PASSWORD" https://x',
        "curl -b cookies.txt -c cookies.txt https://x",
        "echo $TOKEN | docker login -u bob --password-stdin",
        'echo "$PASSWORD" | sudo -S apt update',
        "cat password.txt | docker login -u bob --password-stdin",
        'echo "deb https://x stable2 main" | sudo tee /etc/apt/sources.list',
        "snmpwalk -v2c -c public host1",
        "wandb login",
        "requirepass is a directive of Redis",
        "IDENTIFIED BY the scanner as malware2",
        "deploy --token-limit 12000 --verbose",
        "kubectl create secret generic db --from-file=password=./password.txt",
        'API_KEY="$(gcloud secrets versions access latest --secret=x)"',
        "--- PASS: TestLogin2FA (0.00s)",
    ],
)
def test_others_are_left(text: str) -> None:
    assert redact_text(text) == text
    assert redact_text(json.dumps([text])) == json.dumps([text])
