"""The secrets that requests bring along, for the host's pages and for the test that looks for them."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from tests.filters.secrets import TOKENS, Planted, planted

SAMPLE: Final = 31


def secrets() -> list[Planted]:
    """A text with a secret of each kind."""
    return list(planted(SAMPLE))


def on_one_line(text: str) -> str | None:
    """`text` if it can be the value of a header."""
    return text if text.isascii() and text.isprintable() and text == text.strip() else None


def url_of(each: Planted) -> str:
    """Path and query that say it."""
    return f"say%20{quote(each.text)}?{urlencode({'q': each.text, 'api_key': each.secret})}"


def headers_of(each: Planted) -> dict[str, str]:
    """Headers that say it, as many as there are in which it can be."""
    trace = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "baggage": f"said={quote(each.text)},user.id=admin"}
    secret, line = on_one_line(each.secret), on_one_line(each.text)
    if line is not None:
        trace |= {"User-Agent": f"shop/1.0 {line}", "X-Said": line}
    if secret is None:
        return trace
    if each.kind in TOKENS and not {",", "="} & set(secret):
        trace["tracestate"] = f"said={secret[:256]}"
    return trace | {
        "Authorization": f"Bearer {secret}",
        "Proxy-Authorization": f"Bearer {secret}",
        "Cookie": f"theme=dark; sessionid={secret}",
        "X-Api-Key": secret,
        "X-Auth-Token": secret,
        "Referer": f"https://bob:{quote(secret, safe='')}@shop.example/?access_token={quote(secret)}",
    }
