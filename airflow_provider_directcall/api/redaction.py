"""Redact tokens, secrets and phone numbers in logs and errors."""

from __future__ import annotations

import logging
import re
from html import escape
from typing import Final
from urllib.parse import quote, quote_plus

from airflow_provider_directcall.telephony.masking import mask_numbers_in

#: Part of the name of a field with a secret.
_SECRET_NAME: Final = re.compile(r"(?:cipher|pass|secret|senha|token)\w*", re.IGNORECASE)
#: Such a name, a sign of assignment (JSON, JSON inside JSON, forms, PHP's dumps, HTML), and the value up to its closing
#: quote, or up to the end of a truncated reply.
_SECRET_PAIR: Final = re.compile(
    rf"""(?P<name>{_SECRET_NAME.pattern}(?:\\*["']|&quot;|\]|\s)*(?:=>|[=:]|%3D)\s*(?:string\(\d+\)\s*)?)"""
    r"""(?:(?P<quote>\\*["']|&quot;)(?:.*?(?<!\\)(?P=quote)|.*)|[^&\s,;<>"'}\]]+)""",
    re.IGNORECASE | re.DOTALL,
)
_JWT: Final = re.compile(r"eyJ[\w-]+(?:\.[\w-]+){0,2}")
#: A token of the older form, before JWT; also the id of a callback or a recording.
_HEX_TOKEN: Final = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{40}(?![0-9a-fA-F])")
_NO_WORDS: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"<[^<>]*>")
_URL_CREDENTIALS: Final = re.compile(r"(?<=:)(?P<slashes>(?:\\*/){2})[^/\s\"'<>\\]+@")


def is_secret_field(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def redact_secrets(text: str) -> str:
    """Replace tokens, passwords and credentials in URLs by ``***``."""
    text = _URL_CREDENTIALS.sub(r"\g<slashes>***@", text)
    text = _SECRET_PAIR.sub(r"\g<name>***", text)
    return _HEX_TOKEN.sub("***", _JWT.sub("***", text))


def redact(text: str, hidden: str = "") -> str:
    """Replace secrets, and mask phone numbers and CPF.

    :param hidden: a known secret to replace everywhere, such as the client's.
    """
    if hidden:
        text = re.sub("".join(map(_spellings, hidden)), "***", text, flags=re.IGNORECASE)
    return mask_numbers_in(redact_secrets(text))


def _spellings(char: str) -> str:
    """Build a pattern for a character: plain, or escaped for JSON (also inside JSON), URLs or HTML."""
    if char == "\\":
        return r"(?:(?:\\|%5C)+|&#92;)"
    code = ord(char)
    ways = {char, quote(char), quote_plus(char), escape(char), f"&#{code};", f"&#x{code:x};", f"&#{code:03};"}
    return rf"(?:(?:\\|%5C)*(?:{'|'.join(map(re.escape, ways))})|(?:\\|%5C)+u{code:04x})"


def excerpt(body: bytes | str, hidden: str = "", limit: int = 200) -> str:
    """Return the first ``limit`` characters of a reply on one line, redacted; of an HTML page, its text.

    Redaction comes before the cut, so that no half token or half number is left at the edge. A page that is longer than
    the redacted part keeps its tags: without them, that edge could come into view.
    """
    text = " ".join((body.decode("utf-8", "replace") if isinstance(body, bytes) else body).split())
    shown = redact(text[: limit * 20], hidden)
    return (_words(shown, hidden) if text.startswith("<") and len(text) <= limit * 20 else shown)[:limit]


def _words(page: str, hidden: str) -> str:
    """Return the text of a page; its tags may have split a secret."""
    page = _NO_WORDS.sub(" ", page)
    joined, apart = _TAG.sub("", page), " ".join(_TAG.sub(" ", page).split())
    redacted = redact(joined, hidden)
    return redact(apart, hidden) if redacted == joined else redacted


class RequestLogFilter(logging.Filter):
    """Removes the query string from httpx's own log line of a request.

    httpx logs each request's whole URL at INFO, and some of Directcall's endpoints take the access token in the query.
    Airflow silences that logger; a script or a notebook does not.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place and keep it."""
        if isinstance(record.args, tuple):
            record.args = tuple(_without_query(argument) for argument in record.args)
        return True


def _without_query(argument: object) -> object:
    text = str(argument)
    if "access_token=" not in text:
        return argument
    return text.partition("?")[0] + "?***"
