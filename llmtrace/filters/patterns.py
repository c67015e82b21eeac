"""Secrets that can be known by how they look: the tokens of vendors, one row for each form.

A row has a literal by which a form is found quickly and the characters around it. The forms are those that the vendors
document and that secret scanners such as gitleaks look for; lengths are lower bounds, since vendors lengthen them.
"""

from __future__ import annotations

from string import ascii_letters, digits
from typing import Final, NamedTuple

ALNUM: Final = "[A-Za-z0-9]"
WORD: Final = "[A-Za-z0-9_-]"
HEX: Final = "[0-9a-fA-F]"
BASE64: Final = "[A-Za-z0-9+/]"
FAR: Final = "(?:)"  # fits anywhere; what stands behind it may reach far, see `gate`
UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# Words and numbers joined by hyphens, as in "sk-learn-pipeline-2024": a name, not a key.
NOT_WORDS: Final = r"(?!(?:(?:[A-Z]?[a-z]{1,15}\d{0,2}|\d{1,6})(?:[-_]|(?![A-Za-z0-9_-]))){1,9}+(?![A-Za-z0-9_-]))"


class Prefixed(NamedTuple):
    """Tokens that begin with one of `prefixes`, which are separated by spaces, and go on with `tail`.

    `before` are the characters that can't stand in front of one; it holds every character that `tail` may begin with
    when a tail can fail after a long run, so that no run is read twice.
    """

    kind: str
    prefixes: str
    tail: str
    before: str = "[A-Za-z0-9]"


class Inner(NamedTuple):
    """Tokens with `anchor`, a pattern, in them, and in front of it at least `least` of the characters `head`."""

    kind: str
    head: str
    least: int
    anchor: str


PREFIXED: Final = (
    Prefixed("OpenAI, Anthropic", "sk-proj- sk-svcacct- sk-admin- sk-service- sk-ant- sk-or-", f"{WORD}{{16,}}"),
    Prefixed("Langfuse", "sk-lf-", f"{WORD}{{16,}}"),
    Prefixed("OpenAI and what speaks its protocol", "sk-", f"{NOT_WORDS}{WORD}{{20,}}"),
    Prefixed("OpenAI session", "sess-", f"{ALNUM}{{40,}}"),
    Prefixed("Google API", "AIza", f"{WORD}{{30,}}"),
    Prefixed("Firebase", "AAAA", f"{WORD}{{7}}:APA91b{WORD}{{60,}}", "[A-Za-z0-9+/_-]"),
    Prefixed("Google API", "AQ.Ab", f"{WORD}{{30,}}"),
    Prefixed("Google OAuth", "ya29.", "[A-Za-z0-9_.-]{20,}"),
    Prefixed("Google OAuth refresh", "1//0", f"{WORD}{{30,}}"),
    Prefixed("Google OAuth code", "4/0A", f"{WORD}{{40,}}"),
    Prefixed("Google OAuth client", "GOCSPX-", f"{WORD}{{20,}}"),
    Prefixed("Groq", "gsk_", f"{ALNUM}{{20,}}"),
    Prefixed("xAI", "xai-", f"{ALNUM}{{20,}}"),
    Prefixed("Perplexity", "pplx-", f"{ALNUM}{{20,}}"),
    Prefixed("Replicate", "r8_", f"{ALNUM}{{30,}}"),
    Prefixed("Fireworks", "fw_", f"{ALNUM}{{20,}}"),
    Prefixed("Together", "tgp_v1_", f"{WORD}{{20,}}"),
    Prefixed("Cerebras", "csk-", f"{ALNUM}{{30,}}"),
    Prefixed("NVIDIA", "nvapi-", f"{WORD}{{30,}}"),
    Prefixed("Hugging Face", "hf_ api_org_", f"{ALNUM}{{30,}}"),
    Prefixed("Pinecone", "pcsk_", f"{WORD}{{30,}}"),
    Prefixed("Tavily", "tvly-", f"{NOT_WORDS}{WORD}{{20,}}"),
    Prefixed("LangSmith", "ls__", f"{HEX}{{32}}"),
    Prefixed("Jina", "jina_", f"{ALNUM}{{30,}}"),
    Prefixed("Anyscale", "esecret_", f"{ALNUM}{{20,}}"),
    Prefixed("Firecrawl", "fc-", f"{HEX}{{32}}(?![A-Za-z0-9])"),
    Prefixed("E2B", "e2b_", f"{HEX}{{40}}"),
    Prefixed("LlamaCloud", "llx-", f"{ALNUM}{{40,}}"),
    Prefixed("Voyage", "pa-", f"{NOT_WORDS}{WORD}{{40,}}", "[A-Za-z0-9_-]"),
    Prefixed("RunPod", "rpa_", "[A-Z0-9]{38,}"),
    Prefixed("Apify", "apify_api_", f"{ALNUM}{{30,}}"),
    Prefixed("Browserbase", "bb_live_ bb_test_", f"{WORD}{{20,}}"),
    Prefixed("Friendli", "flp_", f"{ALNUM}{{40,}}"),
    Prefixed("Turbopuffer", "tpuf_", f"{ALNUM}{{30,}}"),
    Prefixed("Cartesia", "sk_car_", f"{ALNUM}{{20,}}"),
    Prefixed("LangSmith", "lsv2_pt_ lsv2_sk_", f"{HEX}{{32}}[A-Za-z0-9_]*+"),
    Prefixed("AWS access key", "AKIA ASIA ABIA ACCA", "[A-Z0-9]{16}(?![A-Za-z0-9])"),
    Prefixed("AWS session", "FwoGZXIvYXdz IQoJb3JpZ2lu", f"{BASE64}{{40,}}=*+", "[A-Za-z0-9+/]"),
    Prefixed("AWS Bedrock", "ABSK", f"{BASE64}{{60,}}=*+", "[A-Za-z0-9+/]"),
    Prefixed("AWS MWS", "amzn.mws.", UUID),
    Prefixed("AWS Bedrock", "bedrock-api-key-", f"{BASE64}{{20,}}=*+"),
    Prefixed("Alibaba Cloud", "LTAI", f"{ALNUM}{{12,24}}(?![A-Za-z0-9])"),
    Prefixed("Tencent Cloud", "AKID", f"{ALNUM}{{32}}(?![A-Za-z0-9])"),
    Prefixed("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", f"{ALNUM}{{30,}}"),
    Prefixed("GitHub", "github_pat_", "[A-Za-z0-9_]{22,}"),
    Prefixed("GitLab", "glpat- gldt- glrt- glcbt- glptt- glft- glimt- glagent- gloas- glsoat- glffct-", "[\\w.-]{20,}"),
    Prefixed("GitLab runner", "GR1348941", f"{WORD}{{20,}}"),
    Prefixed("Slack", "xoxb- xoxp- xoxa- xoxc- xoxo- xoxr- xoxs- xoxe- xoxe.xoxb- xoxe.xoxp-", "[A-Za-z0-9-]{10,}"),
    Prefixed("Slack app", "xapp-", "[A-Za-z0-9-]{20,}"),
    Prefixed("Slack cookie", "xoxd-", "[A-Za-z0-9%+/=-]{20,}"),
    Prefixed("Slack webhook", "hooks.slack.com/", "[A-Za-z0-9+/]{20,}"),
    Prefixed("Discord webhook", "discord.com/api/webhooks/ discordapp.com/api/webhooks/", "[0-9]{10,20}/[\\w-]{20,}"),
    Prefixed("Discord user", "mfa.", f"{WORD}{{80,}}", "[A-Za-z0-9_-]"),
    Prefixed("Teams webhook", "webhook.office.com/ outlook.office.com/webhook/", "[\\w@/-]{20,}"),
    Prefixed("Zapier webhook", "hooks.zapier.com/hooks/catch/", "[0-9]{4,12}/[a-z0-9]{6,}"),
    Prefixed("Stripe", "sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_ whsec_", "[A-Za-z0-9+/]{10,}=*+"),
    Prefixed("ElevenLabs", "sk_", "[0-9a-f]{40,}"),
    Prefixed("Square", "sq0atp- sq0csp- sq0idp-", f"{WORD}{{20,}}"),
    Prefixed("Square", "EAAA", f"{WORD}{{56,}}", "[A-Za-z0-9+/_-]"),
    Prefixed("Facebook", "EAACEdEose0cBA", f"{ALNUM}{{10,}}"),
    Prefixed("Facebook", "EAA", f"{ALNUM}{{80,}}", "[A-Za-z0-9+/]"),
    Prefixed("Instagram", "IGQV IGAA", f"{WORD}{{100,}}", "[A-Za-z0-9+/_-]"),
    Prefixed("Shopify", "shpat_ shpca_ shppa_ shpss_", f"{HEX}{{32,}}"),
    Prefixed("Flutterwave", "FLWSECK-", "[A-Za-z0-9-]{12,}"),
    Prefixed("Flutterwave", "FLWSECK_TEST-", "[A-Za-z0-9-]{12,}"),
    Prefixed("EasyPost", "EZAK EZTK", f"{ALNUM}{{54,}}"),
    Prefixed("Shippo", "shippo_live_ shippo_test_", f"{HEX}{{40,}}"),
    Prefixed("Plaid", "access-sandbox- access-development- access-production-", UUID),
    Prefixed("Braintree", "access_token$production$ access_token$sandbox$", "[a-z0-9]{10,}\\$[a-f0-9]{20,}"),
    Prefixed("SendGrid", "SG.", f"{WORD}{{16,}}\\.{WORD}{{16,}}", "[A-Za-z0-9_-]"),
    Prefixed("Resend", "re_", f"{ALNUM}{{8}}_{ALNUM}{{24}}(?![A-Za-z0-9])", "[A-Za-z0-9_-]"),
    Prefixed("Brevo", "xkeysib- xsmtpsib-", "[0-9a-f]{40,}[A-Za-z0-9-]*+"),
    Prefixed("Mailgun", "key-", "[0-9a-f]{32}(?![A-Za-z0-9])", "[A-Za-z0-9_-]"),
    Prefixed("Twilio", "SK", "[0-9a-f]{32}(?![A-Za-z0-9])"),
    Prefixed("Twilio account and token", "AC", "[0-9a-f]{32}:[0-9a-f]{32}(?![A-Za-z0-9])"),
    Prefixed("npm", "npm_", f"{ALNUM}{{30,}}"),
    Prefixed("PyPI", "pypi-", f"AgE{WORD}{{40,}}"),
    Prefixed("NuGet", "oy2", "[a-z0-9]{43}(?![A-Za-z0-9])"),
    Prefixed("crates.io", "cio", f"{ALNUM}{{32}}(?![A-Za-z0-9])"),
    Prefixed("Clojars", "CLOJARS_", "[a-z0-9]{50,}"),
    Prefixed("RubyGems", "rubygems_", f"{HEX}{{40,}}"),
    Prefixed("Docker", "dckr_pat_ dckr_oat_", f"{WORD}{{20,}}"),
    Prefixed("JFrog", "AKCp", f"{ALNUM}{{60,}}"),
    Prefixed("JFrog", "cmVmd", f"{ALNUM}{{59}}(?![A-Za-z0-9])"),
    Prefixed("DigitalOcean", "dop_v1_ doo_v1_ dor_v1_", f"{HEX}{{40,}}"),
    Prefixed("Cloudflare", "cfut_ cfat_", f"{ALNUM}{{40,}}"),
    Prefixed("Cloudflare origin", "v1.0-", f"{HEX}{{24}}-{HEX}{{100,}}"),
    Prefixed("Tailscale", "tskey-auth- tskey-api- tskey-client- tskey-scim- tskey-webhook-", f"{ALNUM}{{10,}}"),
    Prefixed("Databricks", "dapi", "[0-9a-f]{32}(?:-[0-9])?(?![A-Za-z0-9])"),
    Prefixed("Vault", "hvs. hvb. hvr.", f"{WORD}{{20,}}"),
    Prefixed("Doppler", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", "[A-Za-z0-9_.-]{40,}"),
    Prefixed("Dynatrace", "dt0c01.", f"{ALNUM}{{24}}\\.{ALNUM}{{40,}}"),
    Prefixed("Grafana", "glsa_", "[A-Za-z0-9_]{30,}"),
    Prefixed("Grafana", "glc_", f"{BASE64}{{30,}}=*+"),
    Prefixed("Grafana", "eyJrIjoi", f"{ALNUM}{{40,}}=*+"),
    Prefixed("New Relic", "NRAK- NRII- NRAA- NRIQ-", "[A-Za-z0-9-]{20,}"),
    Prefixed("Honeycomb", "hcaik_ hcbik_ hccik_ hcxik_ hcamk_ hcbmk_ hccmk_ hcxmk_", "[a-z0-9]{50,}"),
    Prefixed("Axiom", "xaat- xapt-", UUID),
    Prefixed("Logfire", "pylf_v1_us_ pylf_v1_eu_ pylf_v2_us_ pylf_v2_eu_", f"{ALNUM}{{30,}}"),
    Prefixed("PostHog", "phx_ phs_", f"{ALNUM}{{40,}}"),
    Prefixed("Sentry", "sntrys_ sntryu_", "[A-Za-z0-9+/=_]{30,}"),
    Prefixed("Linear", "lin_api_ lin_oauth_", f"{ALNUM}{{30,}}"),
    Prefixed("Notion", "ntn_ secret_", f"{ALNUM}{{40,}}"),
    Prefixed("Airtable", "pat", f"{ALNUM}{{14}}\\.{HEX}{{40,}}"),
    Prefixed("Atlassian", "ATATT3 ATCTT3 ATBB", "[A-Za-z0-9_=-]{28,}", "[A-Za-z0-9_=-]"),
    Prefixed("Postman", "PMAK-", f"{HEX}{{24}}-{HEX}{{20,}}"),
    Prefixed("Dropbox", "sl.", "[A-Za-z0-9_-]{60,}", "[A-Za-z0-9_-]"),
    Prefixed("Figma", "figd_ figu_", f"{WORD}{{20,}}"),
    Prefixed("PlanetScale", "pscale_tkn_ pscale_pw_ pscale_oauth_", "[\\w=.-]{30,}"),
    Prefixed("Supabase", "sbp_ sb_secret_", f"{WORD}{{20,}}"),
    Prefixed("Pulumi", "pul-", f"{HEX}{{40}}"),
    Prefixed("Prefect", "pnu_ pnb_", f"{ALNUM}{{30,}}"),
    Prefixed("Vercel", "vcp_ vck_ vci_ vca_ vcr_", f"{WORD}{{24,}}"),
    Prefixed("Netlify", "nfp_", f"{ALNUM}{{36,}}"),
    Prefixed("Neon", "napi_", f"{ALNUM}{{40,}}"),
    Prefixed("Render", "rnd_", f"{ALNUM}{{28,}}"),
    Prefixed("HubSpot", "pat-na1- pat-na2- pat-eu1-", UUID),
    Prefixed("Intercom", "dG9rO", f"{BASE64}{{40,}}=*+", "[A-Za-z0-9+/]"),
    Prefixed("Mapbox", "sk.eyJ", f"{WORD}{{20,}}\\.{WORD}{{15,}}", "[A-Za-z0-9_-]"),
    Prefixed("k3s", "K10", f"{HEX}{{64}}(?:::[a-z:]{{1,20}}[0-9a-f]{{16,}})?"),
    Prefixed("LaunchDarkly", "sdk-", UUID),
    Prefixed("Google Calendar", "private-", "[0-9a-f]{32}(?![A-Za-z0-9])"),
    Prefixed("Heroku", "HRKU-", f"{WORD}{{30,}}"),
    Prefixed("Fly.io", "fo1_", f"{WORD}{{40,}}"),
    Prefixed("Fly.io", "fm1a_ fm1r_ fm2_", "[A-Za-z0-9+/]{60,}=*+"),
    Prefixed("CircleCI", "CCIPAT_ CCIPRJ_", "[A-Za-z0-9_]{30,}"),
    Prefixed("Buildkite", "bkua_", f"{HEX}{{40}}"),
    Prefixed("Contentful", "CFPAT-", f"{WORD}{{30,}}"),
    Prefixed("Typeform", "tfp_", "[\\w.=-]{40,}"),
    Prefixed("Duffel", "duffel_live_ duffel_test_", "[\\w=-]{30,}"),
    Prefixed("ReadMe", "rdme_", "[a-z0-9]{60,}"),
    Prefixed("Sourcegraph", "sgp_", "[A-Za-z0-9_]{40,}"),
    Prefixed("SonarQube", "squ_ sqp_ sqa_", "[a-z0-9]{40,}"),
    Prefixed("OpenShift", "sha256~", f"{WORD}{{40,}}"),
    Prefixed("1Password", "ops_", f"eyJ{BASE64}{{60,}}=*+"),
    Prefixed("1Password", "A3-", "[A-Z0-9]{6}(?:-[A-Z0-9]{5,11}){4,5}"),
    Prefixed(
        "Django password", "pbkdf2_sha256$ pbkdf2_sha1$ argon2$ bcrypt$ bcrypt_sha256$ scrypt$", "[\\w.,=+/$-]{20,}"
    ),
    Prefixed("bcrypt", "$2a$ $2b$ $2y$", "[0-9]{2}\\$[./A-Za-z0-9]{50,}"),
    Prefixed("crypt", "$1$ $5$ $6$ $y$ $apr1$", "[./A-Za-z0-9=$]{1,30}\\$[./A-Za-z0-9]{20,}"),
    Prefixed("phpass", "$P$ $H$", "[./A-Za-z0-9]{31,}"),
    Prefixed("Argon2", "$argon2id$ $argon2i$ $argon2d$", "[\\w.,=+/$-]{30,}"),
    Prefixed(
        "Werkzeug password",
        "pbkdf2:sha256: pbkdf2:sha512: pbkdf2:sha1: scrypt:",
        "[0-9:]{1,30}\\$[./A-Za-z0-9]{4,40}\\$[0-9a-f]{32,}",
    ),
    Prefixed(
        "LDAP password",
        "{SHA} {SSHA} {SHA256} {SSHA256} {SHA512} {SSHA512} {MD5} {SMD5} {PBKDF2-SHA256} {PBKDF2-SHA512}",
        "[A-Za-z0-9+/$.]{20,}=*+",
    ),
    Prefixed("PostgreSQL password", "SCRAM-SHA-256$", "[0-9]{1,8}:[A-Za-z0-9+/=$:]{40,}"),
    Prefixed("MySQL password", "*", "[0-9A-F]{40}(?![A-Za-z0-9])", "[A-Za-z0-9*]"),
    Prefixed("Kerberos", "$krb5tgs$ $krb5asrep$ $krb5pa$", "[\\w.*$@:/+=-]{40,}"),
    Prefixed(
        "private key in base64",
        "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS "
        "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZ LS0tLS1CRUdJTiBEU0EgUFJJVkFURSBLRVkt "
        "LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBLRVkt LS0tLS1CRUdJTiBQR1AgUFJJVkFURSBLRVkg",
        f"{BASE64}{{20,}}=*+",
        "[A-Za-z0-9+/]",
    ),
    Prefixed("age", "AGE-SECRET-KEY-1", "[0-9A-Z]{40,}"),
    Prefixed("Nostr", "nsec1", "[a-z0-9]{58}(?![A-Za-z0-9])"),
    Prefixed("extended private key", "xprv", "[1-9A-HJ-NP-Za-km-z]{90,}"),
    Prefixed("X bearer", "AAAAAAAAAAAAAAAAAAAA", "[A-Za-z0-9]{8,90}%[A-Za-z0-9%]{20,}", "[A-Za-z0-9+/%]"),
    Prefixed("JSON Web Token", "eyJ", f"{WORD}{{8,}}+\\.{WORD}{{5,}}+\\.[A-Za-z0-9_.-]*+", "[A-Za-z0-9_-]"),
    Prefixed("signed session", "eyJ .eJ", f"{WORD}{{8,}}+:{WORD}{{6}}:{WORD}{{27,}}", "[A-Za-z0-9_-]"),
    Prefixed("JSON Web Encryption", "eyJ", f"{WORD}{{8,}}+\\.\\.{WORD}{{12,}}+\\.[A-Za-z0-9_.-]*+", "[A-Za-z0-9_-]"),
    Prefixed("PASETO", "v1.local. v2.local. v3.local. v4.local. v1.public. v2.public. v4.public.", "[\\w.-]{40,}"),
    Prefixed("Fernet token", "gAAAAAB", f"{WORD}{{60,}}=*+", "[A-Za-z0-9+/_-]"),
)

LETTERS: Final = ascii_letters + digits

INNER: Final = (
    Inner("Telegram", digits, 8, f":AA{WORD}{{30,}}"),
    Inner("Azure client secret", LETTERS + "_.~-", 4, "Q~(?<=[0-9]Q~)[A-Za-z0-9_.~-]{31,}"),
    Inner("Azure AI", LETTERS, 40, f"JQQJ99{ALNUM}{{20,}}"),
    Inner("Salesforce", LETTERS, 15, "!A[QR][A-Za-z0-9._]{40,}"),
    Inner("Terraform", LETTERS, 14, r"\.atlasv1\.[A-Za-z0-9_=-]{60,}"),
    Inner("Discord", LETTERS + "_-", 23, rf"\.{WORD}{{6}}\.{WORD}{{27,}}"),
    Inner("Mailchimp", "0123456789abcdef", 32, "-us[0-9]{1,2}(?![A-Za-z0-9])"),
    Inner("Mailgun", "0123456789abcdef", 32, "-[0-9a-f]{8}-[0-9a-f]{8}(?![A-Za-z0-9-])"),
    Inner("Django signature", LETTERS + "_.-", 1, f":{ALNUM}{{6}}:{WORD}{{43}}(?![A-Za-z0-9_-])"),
    Inner("New Relic license", LETTERS, 32, "NRAL(?![A-Za-z0-9])"),
)
