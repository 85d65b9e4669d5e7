"""Takes tokens, secrets and phone numbers out of text that a person may see."""

from __future__ import annotations

import logging
import re
from typing import Final

from airflow_provider_directcall.telephony.numbers import mask_numbers_in

_HIDDEN_FIELDS: Final = "access_token|client_secret|token|password|senha|DIS_PASS|cipher"
_SECRET_PAIR: Final = re.compile(
    rf"""(?P<name>["'\\]*\b(?:{_HIDDEN_FIELDS})["'\\]*\s*[=:]\s*)(?P<value>\\*"[^"]*"|\\*'[^']*'|[^&\s,;<>"'}}]+)""",
    re.IGNORECASE,
)
_JWT: Final = re.compile(r"\beyJ[\w-]+(?:\.[\w-]+){0,2}")
_URL_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s@]+(?=@)")


def redact_secrets(text: str) -> str:
    """Text with tokens, passwords and credentials in URLs replaced by ``***``."""
    text = _URL_CREDENTIALS.sub("***", text)
    text = _SECRET_PAIR.sub(lambda match: f"{match['name']}***", text)
    return _JWT.sub("***", text)


def redact(text: str) -> str:
    """Text without secrets, and with phone numbers and CPF masked."""
    return mask_numbers_in(redact_secrets(text))


def excerpt(body: bytes | str, limit: int = 200) -> str:
    """The first ``limit`` characters of a reply on one line, redacted.

    Redaction comes before the cut, so that no half token or half number is left at the edge.
    """
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    return redact(" ".join(text[: limit * 20].split()))[:limit]


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
