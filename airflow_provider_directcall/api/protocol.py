"""Build HTTP requests; parse responses into typed replies or errors. No I/O.

This module alone decides whether a request may have taken effect:

============================================  ======================  ===========================
event                                         repeatable request      once-only request
============================================  ======================  ===========================
no connection, DNS, TLS, no free connection   NotSent, retried        NotSent, retried
connection lost, time-out after the start     Unavailable, retried    OutcomeUnknown
HTTP 429 or 5xx without an envelope           Unavailable, retried    OutcomeUnknown
HTTP 5xx with another's envelope              Unavailable, retried    OutcomeUnknown
any other reply that cannot be parsed         ReplyError              OutcomeUnknown
an id, whatever else the reply says           by the other rows       accepted
token or secret not accepted                  AuthError               AuthError if proven
envelope with a refusal                       Refused                 Refused if proven
... with a transient code, HTTP 429 or 503    Refused, retried        OutcomeUnknown
============================================  ======================  ===========================

What is proven: :func:`~.replies.proofs.proof_of`; all else is OutcomeUnknown, because a gateway or a framework may
answer after the effect, in words that look like a refusal.
The client renews a rejected token once and sends the request again, once-only ones too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

import httpx

from airflow_provider_directcall import __version__
from airflow_provider_directcall.api.errors import (
    RETURN_CODES,
    DirectcallAuthError,
    DirectcallError,
    DirectcallNotSent,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
    DirectcallReplyError,
    DirectcallUnavailable,
)
from airflow_provider_directcall.api.redaction import describe, redact, vendor_text
from airflow_provider_directcall.api.replies.envelope import (
    Envelope,
    Json,
    JsonObject,
    Reply,
    UnreadableError,
    decode_body,
    read_envelope,
    rename_keys,
    rename_reply,
)
from airflow_provider_directcall.api.replies.proofs import ID_FIELDS, Proof, proof_of
from airflow_provider_directcall.api.replies.values import text_or_none
from airflow_provider_directcall.api.wire import Encoding, Mark

if TYPE_CHECKING:
    from airflow_provider_directcall.api.requests import JsonValue, Request
    from airflow_provider_directcall.api.settings import Settings

T = TypeVar("T")

_HEADERS: Final = httpx.Headers(
    {
        "User-Agent": f"airflow-provider-directcall/{__version__}",
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
    }
)
#: Errors that httpx raises before it sends the first byte of a request.
_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_TOO_MANY_REQUESTS: Final = 429
_LONGEST_RETRY_AFTER: Final = 86_400.0
#: Parameters that a reply may echo and that no log may show.
_PRIVATE: Final = frozenset({"callbackEmail", "campos", "client_id", "data", "nome", "texto", "url"})
#: Parameters that are a phone number.
_NUMBERS: Final = frozenset({"did", "destino", "origem"})
_BASE_NAME: Final = re.compile(r"^[^\[]*")
_RULE_DATA: Final = re.compile(r"(?<=\[)[^\]]+(?=\])")


def build(request: Request[T], settings: Settings, token: str | None) -> httpx.Request:
    """Build the HTTP request.

    :param token: access token; None for a request that carries the client's secret instead.
    :raises ValueError: the account lacks a setting that the request needs, such as a default origin.
    """
    endpoint = request.endpoint
    url = _url(settings.base_url + settings.path(request.endpoint_name))
    extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), settings.timeout)}
    credentials = {} if token is None else {"access_token": token}
    if endpoint.encoding is Encoding.JSON:
        names = _request_names(request, settings)
        body = rename_keys({key: _rendered(item, settings) for key, item in request.json.items()}, names)
        json_body = {**credentials, **(body if isinstance(body, dict) else {})}
        return httpx.Request(endpoint.verb, url, json=json_body, headers=_HEADERS, extensions=extensions)
    params = {**credentials, **_params(request, settings), endpoint.format_field: "JSON"}
    if endpoint.encoding is Encoding.QUERY:
        return httpx.Request(endpoint.verb, url, params=params, headers=_HEADERS, extensions=extensions)
    files = [(part.name, (part.filename, part.content, part.content_type)) for part in request.files]
    return httpx.Request(endpoint.verb, url, data=params, files=files or None, headers=_HEADERS, extensions=extensions)


def read(request: Request[T], settings: Settings, response: httpx.Response) -> T:
    """Parse a whole response into the method's result.

    :raises DirectcallError: one of its kinds, by the table above.
    """
    try:
        fields = _fields(request, settings, response)
        if request.endpoint.once_only:
            return _read_once_only(request, settings, response, fields)
        envelope = read_envelope(fields, is_login=not request.authenticated)
        if envelope is not None and not envelope.ok:
            if response.is_server_error and not (envelope.is_proven or envelope.is_auth_error):
                raise UnreadableError("its envelope is not the vendor's")
            raise _refusal(request, settings, response, envelope)
        if envelope is None and (response.is_error or request.endpoint.enveloped):
            raise UnreadableError("it has no envelope")
        return request.read(Reply(fields, settings.zone))
    except RecursionError:
        raise _unreadable(request, settings, response, UnreadableError("it is nested too deep")) from None
    except UnreadableError as unreadable:
        raise _unreadable(request, settings, response, unreadable) from None


def _read_once_only(request: Request[T], settings: Settings, response: httpx.Response, fields: JsonObject) -> T:
    fields = _without_echoed_numbers(request, settings, fields)
    envelope = read_envelope(fields)
    match proof_of(fields, response.status_code, request.endpoint.path):
        case Proof.ACCEPTED:
            return request.read(Reply(fields, settings.zone))
        case Proof.REFUSED | Proof.LOGIN_REJECTED if envelope is not None:
            raise _refusal(request, settings, response, envelope)
    if envelope is not None and envelope.is_proven:
        raise _doubtful_refusal(request, settings, response, envelope)
    raise UnreadableError("it proves neither success nor refusal")


def transport_failure(request: Request[T], settings: Settings, error: httpx.RequestError) -> DirectcallError:
    """Translate a connection error; the text holds the API's address, but no URL."""
    name = request.endpoint_name
    cause = f"{settings.base_url}, {type(error).__name__}: {_cause(error) or 'no details'}"
    if isinstance(error, _NOT_SENT):
        return DirectcallNotSent(f"{name}: nothing was sent ({cause})", endpoint=name)
    if request.endpoint.once_only:
        return DirectcallOutcomeUnknown(
            f"{name}: the request left and no readable answer came back ({cause}); it may have taken effect",
            endpoint=name,
        )
    if isinstance(error, httpx.DecodingError):
        return DirectcallReplyError(f"{name}: the reply cannot be unpacked ({cause})", endpoint=name)
    return DirectcallUnavailable(f"{name}: no answer ({cause})", endpoint=name)


def _cause(error: httpx.RequestError) -> str:
    """Return the text of an error without the bytes of the server that h11 quotes in it."""
    text = str(error)
    return redact(re.split(r"bytearray|b?['\"]", text)[0] if isinstance(error, httpx.ProtocolError) else text).strip()


def _private_texts(request: Request[T]) -> frozenset[str]:
    """Return what a reply may echo and nobody else may read: texts, tag values, addresses."""
    texts = [value for name, value in request.params.items() if name.partition("[")[0] in _PRIVATE]
    leaves = [*texts, *_leaves([*request.json.values()])]
    return frozenset(text.strip() for text in leaves if isinstance(text, str) and len(text.strip()) > 1)


def _without_echoed_numbers(request: Request[T], settings: Settings, fields: JsonObject) -> JsonObject:
    """Return a reply without ids that are a number of the request: a caller id in the sense of telephony is no id."""
    numbers = {value for name, value in _params(request, settings).items() if name in _NUMBERS}
    return {
        name: value
        for name, value in fields.items()
        if name not in ID_FIELDS or (text_or_none(value) or "").lstrip("+") not in numbers
    }


def _leaves(value: JsonValue) -> list[JsonValue]:
    inner = list(value.values()) if isinstance(value, dict) else value
    return [leaf for item in inner for leaf in _leaves(item)] if isinstance(inner, list) else [inner]


def may_retry(request: Request[T], error: BaseException) -> bool:
    """Check whether the client may send the same request again after this error.

    An error of the token's request was retried by that request already.
    """
    if not isinstance(error, DirectcallError) or error.endpoint != request.endpoint_name:
        return False
    if request.endpoint.once_only:
        return isinstance(error, DirectcallNotSent)
    return error.retryable


@lru_cache(maxsize=256)
def _url(text: str) -> httpx.URL:
    """Parse an address once: there is one per endpoint, and parsing takes longer than encoding a form."""
    return httpx.URL(text)


def _params(request: Request[T], settings: Settings) -> dict[str, str]:
    names = _request_names(request, settings)
    rendered = {
        _renamed(name, names): value if isinstance(value, str) else value.render(settings)
        for name, value in request.params.items()
    }
    return {name: value for name, value in rendered.items() if value is not None}


def _request_names(request: Request[T], settings: Settings) -> dict[str, str]:
    """Return the account's names of assumed fields; those that are documented in a request keep theirs."""
    replaced, documented = settings.field_names(request.endpoint_name), request.endpoint.documented_params
    return {ours: theirs for ours, theirs in replaced.items() if ours not in documented}


def _renamed(name: str, names: Mapping[str, str]) -> str:
    """Return a parameter's name on this account; in brackets, a rule's field is renamed, and a tag is not."""
    if not names:
        return name
    base = _BASE_NAME.match(name)
    stem = base.group() if base else name
    brackets = name[len(stem) :]
    if stem == "data":
        brackets = _RULE_DATA.sub(lambda part: names.get(part.group(), part.group()), brackets)
    return names.get(stem, stem) + brackets


def _rendered(value: JsonValue, settings: Settings) -> Json:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [_rendered(item, settings) for item in value]
    if isinstance(value, dict):
        return {key: _rendered(item, settings) for key, item in value.items()}
    return value.render(settings)


def _fields(request: Request[T], settings: Settings, response: httpx.Response) -> JsonObject:
    names = {theirs: ours for ours, theirs in settings.field_names(request.endpoint_name).items()}
    try:
        return rename_reply(decode_body(response.content, unambiguous=request.endpoint.once_only), names)
    except RecursionError:
        raise UnreadableError("it is nested too deep") from None


def _refusal(request: Request[T], settings: Settings, response: httpx.Response, envelope: Envelope) -> DirectcallError:
    name, status = request.endpoint_name, response.status_code
    text = vendor_text(envelope.text, _private_texts(request), settings.client_secret)
    detail = f": {text}" if text else ""
    if envelope.is_auth_error:
        rejected = "the access token" if request.authenticated else "the client id or secret"
        return DirectcallAuthError(f"{name}: {rejected} was not accepted{detail}", endpoint=name, http_status=status)
    return DirectcallRefused(
        f"{name}: {_refused_as(envelope)}{detail}",
        code=envelope.code,
        text=text,
        endpoint=name,
        http_status=status,
        retry_after=_retry_after(response),
    )


def _doubtful_refusal(
    request: Request[T], settings: Settings, response: httpx.Response, envelope: Envelope
) -> DirectcallOutcomeUnknown:
    name, status = request.endpoint_name, response.status_code
    text = vendor_text(envelope.text, _private_texts(request), settings.client_secret)
    return DirectcallOutcomeUnknown(
        f"{name}: {_refused_as(envelope)}{f': {text}' if text else ''} (HTTP {status}); that does not prove that the "
        "request had no effect",
        code=envelope.code,
        text=text,
        endpoint=name,
        http_status=status,
        retry_after=_retry_after(response),
    )


def _refused_as(envelope: Envelope) -> str:
    known = RETURN_CODES.get(envelope.code or "")
    code = f" with code {envelope.code}" if envelope.code else ""
    return f"refused{code}{f' ({known.meaning})' if known else ''}"


def _unreadable(
    request: Request[T], settings: Settings, response: httpx.Response, unreadable: UnreadableError
) -> DirectcallError:
    name, status = request.endpoint_name, response.status_code
    content_type = response.headers.get("Content-Type", "")
    shown = describe(response.content, content_type, _private_texts(request), settings.client_secret)
    message = (
        f"{name}: the reply (HTTP {status}) cannot be understood, {unreadable}: {shown}{_advice(request, response)}"
    )
    if request.endpoint.once_only:
        return DirectcallOutcomeUnknown(
            f"{message}; the request may have taken effect", endpoint=name, http_status=status
        )
    if status == _TOO_MANY_REQUESTS or response.is_server_error:
        return DirectcallUnavailable(message, endpoint=name, http_status=status, retry_after=_retry_after(response))
    return DirectcallReplyError(message, endpoint=name, http_status=status)


def _advice(request: Request[T], response: httpx.Response) -> str:
    """Return advice for the user where a setting may be wrong: the host, a path, a field name."""
    if response.has_redirect_location:
        return "; it is a redirect: is the connection's host right?"
    mark = request.endpoint.mark
    if mark in {Mark.ASSUMED, Mark.INFERRED}:
        return (
            f"; this endpoint is {mark.value}, not documented: if the account has another path or other field names, "
            f"set them in the connection's extra, 'endpoints' and 'fields', under {request.endpoint_name!r}"
        )
    return ""


def _retry_after(response: httpx.Response) -> float | None:
    """Parse ``Retry-After`` into seconds, a day at most.

    A date is compared with the server's own ``Date``, not with our clock.
    """
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_RETRY_AFTER)
    until, now = _http_date(text), _http_date(response.headers.get("Date", ""))
    return min(max((until - now).total_seconds(), 0.0), _LONGEST_RETRY_AFTER) if until and now else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None
