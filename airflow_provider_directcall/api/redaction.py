"""Takes tokens, secrets and phone numbers out of text that a person may see."""

from __future__ import annotations

import logging
import re
from html import escape
from typing import Final
from urllib.parse import quote, quote_plus

from airflow_provider_directcall.telephony.numbers import mask_numbers_in

#: In the name of a field whose value is a secret.
_SECRET_NAME: Final = re.compile(r"(?:cipher|pass|secret|senha|token)\w*", re.IGNORECASE)
#: Such a name, a sign of assignment (JSON, JSON inside JSON, forms, PHP's dumps, HTML), and the value up to its closing
#: quote, or up to the end where a reply was cut off.
_SECRET_PAIR: Final = re.compile(
    rf"""(?P<name>{_SECRET_NAME.pattern}(?:\\*["']|&quot;|\]|\s)*(?:=>|[=:]|%3D)\s*(?:string\(\d+\)\s*)?)"""
    r"""(?:(?P<quote>\\*["']|&quot;)(?:.*?(?<!\\)(?P=quote)|.*)|[^&\s,;<>"'}\]]+)""",
    re.IGNORECASE | re.DOTALL,
)
_JWT: Final = re.compile(r"eyJ[\w-]+(?:\.[\w-]+){0,2}")
#: A token of the time before JWT, also the id of a callback or a recording.
_HEX_TOKEN: Final = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{40}(?![0-9a-fA-F])")
_NO_WORDS: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"<[^<>]*>")
_URL_CREDENTIALS: Final = re.compile(r"(?<=:)(?P<slashes>(?:\\*/){2})[^/\s\"'<>\\]+@")


def is_secret_field(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def redact_secrets(text: str) -> str:
    """Text with tokens, passwords and credentials in URLs replaced by ``***``."""
    text = _URL_CREDENTIALS.sub(r"\g<slashes>***@", text)
    text = _SECRET_PAIR.sub(r"\g<name>***", text)
    return _HEX_TOKEN.sub("***", _JWT.sub("***", text))


def redact(text: str, hidden: str = "") -> str:
    """Text without secrets, and with phone numbers and CPF masked.

    :param hidden: a secret that is known and is taken out wherever it stands, such as the client's.
    """
    if hidden:
        text = re.sub("".join(map(_spellings, hidden)), "***", text, flags=re.IGNORECASE)
    return mask_numbers_in(redact_secrets(text))


def _spellings(char: str) -> str:
    """A pattern for a character as it is, and as JSON (also inside JSON), URLs and HTML write it."""
    if char == "\\":
        return r"(?:(?:\\|%5C)+|&#92;)"
    code = ord(char)
    ways = {char, quote(char), quote_plus(char), escape(char), f"&#{code};", f"&#x{code:x};", f"&#{code:03};"}
    return rf"(?:(?:\\|%5C)*(?:{'|'.join(map(re.escape, ways))})|(?:\\|%5C)+u{code:04x})"


def excerpt(body: bytes | str, hidden: str = "", limit: int = 200) -> str:
    """The first ``limit`` characters of a reply on one line, redacted as by :func:`redact`; of a page, its words.

    Redaction comes before the cut, so that no half token or half number is left at the edge. A page that is longer than
    what is redacted is shown as it came: without its tags, that edge could come into view.
    """
    text = " ".join((body.decode("utf-8", "replace") if isinstance(body, bytes) else body).split())
    shown = redact(text[: limit * 20], hidden)
    return (_words(shown, hidden) if text.startswith("<") and len(text) <= limit * 20 else shown)[:limit]


def _words(page: str, hidden: str) -> str:
    """What a page says, without its tags; they may have stood within what has to be hidden."""
    page = _NO_WORDS.sub(" ", page)
    joined, apart = _TAG.sub("", page), " ".join(_TAG.sub(" ", page).split())
    redacted = redact(joined, hidden)
    return redact(apart, hidden) if redacted == joined else redacted


class RequestLogFilter(logging.Filter):
    """Takes the query string out of httpx's own log line of a request.

    httpx logs each request's whole URL at INFO, and some of Directcall's endpoints take the access token in the query.
    Airflow silences that logger; a script or a notebook does not.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place; always lets it pass."""
        if isinstance(record.args, tuple):
            record.args = tuple(_without_query(argument) for argument in record.args)
        return True


def _without_query(argument: object) -> object:
    text = str(argument)
    if "access_token=" not in text:
        return argument
    return text.partition("?")[0] + "?***"
