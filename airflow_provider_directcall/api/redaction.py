"""Redact tokens, secrets and phone numbers in logs and errors."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection
from html import escape, unescape
from typing import Final
from urllib.parse import quote, quote_plus, unquote_plus

from airflow_provider_directcall.api.words import OMITTED, VOCABULARY, folded, known_words
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
#: The end of a recording's address: whoever has it can listen. Newer ids are base64, 48 characters.
_RECORDING: Final = re.compile(r"(?<=gravacao)(?P<slashes>(?:\\*/|%2F)id(?:\\*/|%2F))[\w%+=-]+", re.IGNORECASE)
_TITLE: Final = re.compile(rb"<title[^>]*>([^<]{1,80})</title", re.IGNORECASE)
_PLAIN_TITLE: Final = re.compile(rf"[\w .,:;()/{OMITTED}-]{{1,80}}")
_MEDIA_TYPE: Final = re.compile(
    r"(?:text/(?:css|csv|html|javascript|plain|xml)"
    r"|application/(?:javascript|json|octet-stream|pdf|problem\+json|x-www-form-urlencoded|xhtml\+xml|xml))(?![\w.+-])",
    re.IGNORECASE,
)
_FIELD_NAME: Final = re.compile(r"[A-Za-z_]\w{0,30}", re.ASCII)
_MOST_NAMES: Final = 10
#: So many characters in a row that a reply shares with a text of the request are an echo.
_ECHO: Final = 12
_URL_CREDENTIALS: Final = re.compile(r"(?<=:)(?P<slashes>(?:\\*/){2})[^/\s\"'<>\\]+@")


def is_secret_field(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def redact_secrets(text: str) -> str:
    """Replace tokens, passwords and credentials in URLs by ``***``."""
    text = _URL_CREDENTIALS.sub(r"\g<slashes>***@", text)
    text = _SECRET_PAIR.sub(r"\g<name>***", _RECORDING.sub(r"\g<slashes>***", text))
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


def vendor_text(text: str, private: Collection[str] = (), hidden: str = "", limit: int = 200) -> str:
    """Return the vendor's explanation: its known words, on one line; empty if it echoes a text of the request.

    :param private: texts and tag values of the request: even their known words are not shown.
    """
    line = " ".join(text.split())
    if _echoes(line, private):
        return ""
    for value in private:
        line = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "***", line, flags=re.IGNORECASE)
    return known_words(redact(line[: limit * 20], hidden))[:limit]


def describe(body: bytes, content_type: str, private: Collection[str] = (), hidden: str = "") -> str:
    """Describe a reply by its type, its size, and a page's title or an object's names; never quote it.

    A page may echo the request: texts, tag values, numbers, the token.
    """
    media_type = _MEDIA_TYPE.match(content_type)
    parts = [f"{len(body)} bytes of {media_type.group() if media_type else 'unknown type'}"]
    if (title := _TITLE.search(body[:20_000])) is not None:
        words = vendor_text(unescape(title.group(1).decode("utf-8", "replace")), private, hidden)
        if _PLAIN_TITLE.fullmatch(words):
            parts.append(f"title {words!r}")
    private_words = {word for text in private for word in re.findall(r"\w+", folded(text))}
    if names := [name for name in _names(body) if _is_known(name, private_words) and redact(name, hidden) == name]:
        parts.append(f"fields {', '.join(names[:_MOST_NAMES])}")
    return ", ".join(parts)


def _names(body: bytes) -> list[str]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return []
    fields = value[0] if isinstance(value, list) and value else value
    return [name for name in fields if _FIELD_NAME.fullmatch(name)] if isinstance(fields, dict) else []


def _is_known(name: str, private_words: Collection[str]) -> bool:
    """Whether a name has known words only, none of them private: a server may take a text for a name."""
    words = {folded(name)} if folded(name) in VOCABULARY else set(folded(name).strip("_").split("_"))
    return words <= VOCABULARY and words.isdisjoint(private_words)


def _echoes(text: str, private: Collection[str]) -> bool:
    """Whether a text holds a part of a private one, plain or escaped."""
    spellings = " ".join(map(_plain, (text, unescape(text), unquote_plus(text), _unescaped(text))))
    return any(
        plain[start : start + _ECHO] in spellings
        for plain in map(_plain, private)
        for start in range(len(plain) - _ECHO + 1)
    )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _unescaped(text: str) -> str:
    return re.sub(r"\\+u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), text).replace("\\", "")


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
