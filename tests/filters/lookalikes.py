"""Harmless texts that look like secrets, or speak of them."""

from __future__ import annotations

import base64
import hashlib
import json
import string
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Final

from tests.filters.secrets import ALNUM, HEX, drawn, uuid


def image(random: Random) -> str:
    """A picture in base64: with zeros and with noise, as pictures have."""
    data = b"\x89PNG\r\n\x1a\n" + bytes(40) + random.randbytes(3000) + bytes(80)
    return base64.b64encode(data).decode()


def vector(random: Random) -> str:
    return json.dumps([round(random.uniform(-1, 1), 8) for _ in range(64)])


FORMS: Final[Mapping[str, Callable[[Random], str]]] = {
    "uuid": uuid,
    "uuid in a path": lambda r: f"GET /orders/{uuid(r)}/items?page=2",
    "trace id": lambda r: f"traceparent: 00-{drawn(r, HEX, 32)}-{drawn(r, HEX, 16)}-01",
    "span id": lambda r: f"span_id={drawn(r, HEX, 16)}",
    "git commit": lambda r: f"commit {drawn(r, HEX, 40)}",
    "short commit": lambda r: f"fixed in {drawn(r, HEX, 7)}",
    "md5": lambda r: hashlib.md5(r.randbytes(9)).hexdigest(),
    "sha256": lambda r: f"sha256:{drawn(r, HEX, 64)}",
    "integrity": lambda r: "sha512-" + base64.b64encode(r.randbytes(64)).decode(),
    "etag": lambda r: f'ETag: "{drawn(r, HEX, 32)}-1"',
    "digest of an image": lambda r: f"python@sha256:{drawn(r, HEX, 64)}",
    "picture": lambda r: "data:image/png;base64," + image(r),
    "base64": lambda r: base64.b64encode(r.randbytes(600)).decode(),
    "vector": vector,
    "chat completion": lambda r: f"chatcmpl-{drawn(r, ALNUM, 29)}",
    "tool call": lambda r: f"call_{drawn(r, ALNUM, 24)}",
    "message": lambda r: f"msg_01{drawn(r, ALNUM, 22)}",
    "tool use": lambda r: f"toolu_01{drawn(r, ALNUM, 22)}",
    "response": lambda r: f"resp_{drawn(r, HEX, 48)}",
    "request": lambda r: f"req_{drawn(r, HEX, 32)}",
    "file": lambda r: f"file-{drawn(r, ALNUM, 22)}",
    "fingerprint": lambda r: f"fp_{drawn(r, HEX, 10)}",
    "order number": lambda r: f"Your order number is {drawn(r, string.digits, 12)}",
    "isbn": lambda r: (
        f"ISBN 978-{drawn(r, string.digits, 1)}-{drawn(r, string.digits, 5)}-{drawn(r, string.digits, 3)}-1"
    ),
    "timestamp": lambda r: f"2026-0{r.randrange(1, 9)}-1{r.randrange(9)}T08:{r.randrange(10, 59)}:00.123456Z",
    "phone": lambda r: f"+49 30 {drawn(r, string.digits, 7)}",
    "e-mail": lambda r: f"write to {drawn(r, string.ascii_lowercase, 8)}@example.com",
    "ip": lambda r: f"connect to 10.0.{r.randrange(255)}.{r.randrange(255)}:5432",
    "url": lambda r: (
        f"https://example.com/{drawn(r, string.ascii_lowercase, 12)}/{drawn(r, ALNUM, 20)}?page={r.randrange(9)}"
    ),
    "signed-in url": lambda r: (
        f"https://medium.example/@{drawn(r, string.ascii_lowercase, 9)}/a-story-{drawn(r, HEX, 12)}"
    ),
    "arn": lambda r: (
        f"arn:aws:secretsmanager:eu-west-1:{drawn(r, string.digits, 12)}:secret:shop/db-{drawn(r, ALNUM, 6)}"
    ),
    "public key": lambda r: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + drawn(r, ALNUM, 43) + " bob@host",
    "certificate": lambda r: f"-----BEGIN CERTIFICATE-----\n{drawn(r, ALNUM, 64)}\n-----END CERTIFICATE-----",
    "public pem": lambda r: f"-----BEGIN PUBLIC KEY-----\n{drawn(r, ALNUM, 64)}\n-----END PUBLIC KEY-----",
    "publishable": lambda r: f"pk_live_{drawn(r, ALNUM, 24)}",
    "docker id": lambda r: f"container {drawn(r, HEX, 12)} started",
    "ethereum": lambda r: f"sent to 0x{drawn(r, HEX, 40)}",
    "logprob": lambda r: json.dumps({"token": r.choice([" the", "Hello", " dragons", "ing", "2024"]), "logprob": -0.1}),
    "usage": lambda r: json.dumps({"prompt_tokens": r.randrange(9999), "completion_tokens": r.randrange(9999)}),
    "limits": lambda r: f"max_tokens={r.randrange(100, 9999)}, min_tokens: {r.randrange(9)}",
    "paging": lambda r: json.dumps({"next_page_token": drawn(r, ALNUM, 24), "items": []}),
    "keys": lambda r: f"primary_key: {drawn(r, string.digits, 9)}, sort_key={drawn(r, string.ascii_lowercase, 9)}",
    "css": lambda r: f".sk-fading-circle-{r.randrange(9)} .sk-circle{r.randrange(9)} {{ width: 100% }}",
    "windows": lambda r: rf"C:\Users\bob\{drawn(r, string.ascii_lowercase, 8)}\notes.txt",
}

SENTENCES: Final = """\
How do I reset my password?
Forgot your password? Click the link in the mail.
Password reset: we have sent you a mail.
Password: must be at least 8 characters
Password: required
Passwords must not be reused.
Password (again): the two must match
The password is required.
The password was changed yesterday.
Your password is too short.
password: string
password: str, username: str
"password": "string"
{"password": {"type": "string", "description": "The password of the user", "minLength": 8}}
{"type": "object", "properties": {"api_key": {"type": "string"}}, "required": ["api_key", "password"]}
{"password": ["This field is required."]}
{"password": "This password is too short. It must contain at least 8 characters."}
{"password": null, "token": null}
{"password": "********"}
{"password": "[FILTERED]"}
{"password": "<your password>"}
{"require_password": true, "password_min_length": 8}
{"forgot_password": "Forgot your password?", "reset": "Reset"}
def login(username: str, password: str) -> bool:
def login(username, password=None, token=None):
password = getpass.getpass("Password: ")
password = request.POST["password"]
password = request.POST.get("password")
password = os.environ["DB_PASSWORD"]
password=settings.DATABASE_PASSWORD
password=password
self.password = password
if password == confirm_password: return True
form.password.label
user.set_password(raw_password)
check_password(password, user.password)
<input type="password" name="password" placeholder="Password">
<label for="password">Password</label>
<password></password>
SELECT password FROM users WHERE id = 3
ALTER TABLE users ADD COLUMN password varchar(128)
models.CharField(max_length=128, verbose_name="password")
DB_PASSWORD=${DB_PASSWORD}
DB_PASSWORD=$DB_PASSWORD
password: {{ .Values.db.password }}
password: ${{ secrets.DB_PASSWORD }}
PASSWORD=your-password-here
--password PASSWORD
psql --password
The token count is 512.
Token: a unit of text
A token is about four characters.
Each token costs 0.1 cents.
token count: 5
token_count=512
tokens: 1,024
total_tokens: 1234
tokenizer: cl100k_base
tokenizer = AutoTokenizer.from_pretrained("bert-base")
The tokenizer splits words into tokens: "un", "believ", "able"
pad_token: <pad>
eos_token = "</s>"
mask_token="[MASK]"
token = next(tokens)
token = get_token(request)
token: Token
token: str | None = None
const token = await fetchToken();
csrf_token: the name of the field
{% csrf_token %}
cancellation_token: CancellationToken
time per output token: 20 ms
time_to_first_token: 0.35
price_per_token: 0.0000025
token-based authentication
Bearer tokens are sent in a header.
bearer authentication
The bearer of good news arrived.
Authorization: Bearer <token>
Authorization: Bearer $TOKEN
Authorization: Bearer ${TOKEN}
Authorization: Bearer YOUR_API_KEY
headers = {"Authorization": f"Bearer {token}"}
Authorization: required for all users
authorization: role-based
Basic understanding of Python is enough.
Basic authentication is not recommended.
basic: a simple plan
api_key=os.environ["OPENAI_API_KEY"]
api_key=os.getenv("OPENAI_API_KEY")
api_key = config.api_key
api_key: str
api_key: Optional[str] = None
OPENAI_API_KEY=your-api-key
OPENAI_API_KEY=<your key>
OPENAI_API_KEY=sk-...
OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxx
Set your API key in the settings.
An API key is needed.
The API key was rejected.
Invalid API key provided.
API keys: how to rotate them
key: value
"key": "value"
the key is to practise
key point: read the manual
key=lambda item: item.name
sorted(items, key=itemgetter(1))
cache_key = f"user:{user_id}"
foreign key: author_id
primary key: id
press any key: the game begins
keyboard: qwerty
monkey: banana
turkey: a country and a bird
keynote: the future of Django
public_key: published in the directory
The secret of good bread: time
Secret: never give up
secret santa: Friday
secretary: Mrs Miller
secret = Secret.objects.get(name="db")
secretName: shop-db
secret_name=shop-db
kind: Secret
SECRET_KEY = env("SECRET_KEY")
SECRET_KEY = os.environ["SECRET_KEY"]
client_secret: "required"
{"secret": false}
private key: never share it
private_key: /etc/ssl/private/shop.pem
ssh_key=~/.ssh/id_ed25519
-----BEGIN CERTIFICATE-----
The file begins with BEGIN PRIVATE KEY in it.
cookie: a small biscuit
Cookies: we use them to remember you
cookie recipe: 200 g flour
Cookie policy
credentials: include
credentials: "same-origin"
fetch(url, {credentials: "include"})
Enter your credentials: name and password
auth: true
auth = Auth()
auth=HTTPBasicAuth(user, password)
author: Jane Austen
author=Jane Austen
authors: Austen, Brontë
authority: the city council
authenticated: yes
signature: def recommend(genre: str) -> str
session: 3 of 8
session_id: the conversation's id
user_id=42&session=7
pass: 10, fail: 2
2 passed, 0 failed
first_pass = True
the mountain pass: closed
bypass: none
compass: north
passport: needed
passenger: 1
passage: Psalm 23
passive voice: avoid it
pass=True
code=200
status_code=404
error_code: E1001
country code: DE
?key=name&order=asc
?code=SAVE20
sk-learn
sk-learn-extra-and-friends
scikit-learn
pip install sk-learn-contrib-project-template
sk-fading-circle
task-force-of-twenty-four-people
risk-management-and-assessment-plan
ask-me-anything-about-django-today
the desk-side-support-team-of-the-house
key-value-store-with-a-long-name
hf_hub_download(repo_id="gpt2")
hf_transfer_enabled
npm_config_registry=https://registry.npmjs.org/
npm_lifecycle_event
pypi-mirror.example.com
ghp_ is the prefix of a token of GitHub
xoxb- is the prefix of a bot
AKIA is how AWS ids begin
AIza is how keys of Google begin
eyJ is how a token begins
ya29. is a prefix
glpat- is the prefix of GitLab
SG. is the prefix of SendGrid
gsk_ and xai- and pplx- are prefixes
whsec_ is a prefix
hvs. is a prefix
SKYSCRAPER
SKILLS
SK 12345678
SKU: SK1234567890
ASIA PACIFIC
ASIAN FOOD FESTIVAL
EAA member
the AIDA model
database: postgres://db.example/shop
postgres://localhost:5432/shop
redis://localhost:6379/0
http://localhost:8000/admin/
http://127.0.0.1:8000/?next=/users/@bob
https://user.example.com/
git@github.com:django/django.git
ssh://git@github.com/django/django.git
https://bob@bitbucket.org/bob/repo.git
mailto:bob@example.com
sip:bob@example.com
file:///etc/passwd
/etc/passwd: permission denied
passwd: command not found
curl -u bob https://example.com/
curl -X POST https://example.com/
docker run -u 1000:1000 image
chown -R user:group dir
ratio 16:9, time 12:30:45, score 3:2
std::vector<std::string> tokens;
Token::Identifier(name) => name,
token::parse(input)?
match token { Token::Plus => 1, _ => 0 }
fn secret(&self) -> &Secret
Secret<String>
SecretStr
pydantic.SecretStr
kubectl get secret shop-db -o yaml
kubectl create secret generic shop-db
vault kv get secret/shop/db
aws secretsmanager get-secret-value --secret-id shop/db
gh auth token
gh secret set NAME
export TOKEN
unset PASSWORD
echo $PASSWORD
read -s password
What is the difference between a token and a password?
Translate "password" to German: Passwort
Passwort vergessen?
mot de passe : obligatoire
contraseña: obligatoria
The spy said: the password is a secret.
He whispered the secret to her.
In the novel, the token of love was a ring.
She kept the key in a box.
The access was denied: no permission
access: granted
Access token expired
Access token: expired
refresh token: missing
token: expired
Token: invalid
secret: redacted
api key: revoked
password=masked
LLM tokens: input 12, output 300
gpt-4o-mini-2024-07-18
claude-3-5-sonnet-20241022
text-embedding-3-small
accounts/fireworks/models/llama-v3p1-70b-instruct
password to access the page
change the password to something longer
reset the password to continue with step2
the token was set to expire in 3600s
tokens to generate: 128
the secret to success
password (optional)
password (at least 8 characters)
API key (required)
the API key (see docs)
token (JWT)
a token (about 4 characters)
secret (Kubernetes)
password\t8 characters
token\tcount\tprice
Token\tLogit
password\tstring\tThe user's password
user,password,email
auth to localhost:5432
cookie to bake: 200 g
pass to 10.0.0.1
&lt;token&gt; is a placeholder
&lt;secret&gt;
GET /reports/annual-0123456789abcdef0123456789abcdef.pdf
GET /media/report-9e107d9d372bb6826bd81d3542a419d6/
/static/css/design-9e107d9d372bb6826bd81d3542a419d6.css
mysql -u root -p shop
mysql -u root -p
mysqldump -pX
mysql --password shop
redis-cli -a $REDIS_PASSWORD ping
redis-cli -h localhost
login bob password required
login page password field
please login here password forgotten
Content-Disposition: form-data; name="file"
<input name="password" type="password" value="">
<input name="password" type="password" placeholder="Password" required>
<label for="password" class="x">Password</label>
LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUM1ekNDQWMrZ0F3SUJBZ0lCQURBTkJna3Foa2lHOXcwQkFRc0ZBREFWTVJNd0VRWURWUVFERXdwcmRXSmwK
-----END CERTIFICATE-----
END PRIVATE KEY marks the end
https://x/?page=magic
?magic=abracadabra
token ?= default
counter += token
secret “of good bread”
the “password” field
“token” means “word”
password «obligatoire»
Was the password reset to default?
the key is to use tokens to measure
auth is set to basic
password is set to null
cookie+policy
pass+fail
basic+plan
SecretStr("x")
password: SecretStr
password=SecretStr("")
time 12:ABCDEF:30
urn:abcdef:1234
hash 12:abcdef:0123456789
nextPageToken: CAUQAA1b2c3d4
maxTokens: 4096
primaryKey: a1b2c3d4
idToIdKey: a1b2c3d4
docker://repo:v1.2.3
oci://registry:build42
npm_package.json
vcr_mode=once2
ops_per_sec=120
pplx-70b-online
jina_v2.onnx9
napi_rs.linux-x64
hf_bge-m3.gguf2
figd_v2/index2.html
tokens to words ratio: 4to3
re_match_groups_2024
mfa.enabled=true2
v1.0-rc1, v2.local deployment12
tskey-auth is the prefix of Tailscale
{SHA} is a scheme of LDAP
AC power 230V, AC0123456789abcdef0123456789abcdef
""".splitlines()


def lookalikes(seed: int) -> Iterator[str]:
    """All of them; those that are made up differ from seed to seed."""
    random = Random(seed)
    yield from SENTENCES
    for make in FORMS.values():
        yield from (make(random) for _ in range(3))
