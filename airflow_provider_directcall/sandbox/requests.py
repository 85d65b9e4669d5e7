"""Requests to the API: their parameters, read as PHP reads them and validated as the vendor validates them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from airflow_provider_directcall.sandbox.php_forms import PhpArray, parse_urlencoded, register
from airflow_provider_directcall.sandbox.replies import ApiError
from airflow_provider_directcall.sandbox.wire_dates import DateFormat, read_moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from starlette.requests import Request

    from airflow_provider_directcall.sandbox.replies import Json

CONTEXT_KEY: Final = "directcall_context"
"""Key of the request's context in the ASGI ``state``."""
INVALID: Final = "001"
_NUMBER: Final = re.compile(r"[1-9][0-9]{11,12}")
_SIP_NUMBER: Final = re.compile(r"ip[0-9]{10,11}")
_FOREIGN_NUMBER: Final = re.compile(r"00[1-9][0-9]{5,14}")
_AUDIO_KINDS: Final = {
    "mp3": re.compile(rb"ID3|\xff[\xe0-\xff]"),
    "wav": re.compile(rb"RIFF.{4}WAVE", re.DOTALL),
}
"""How files begin: an MP3 with an ID3 tag or a frame."""
_FLAGS: Final = {"s": True, "n": False}
SEARCH_KEYS: Final = frozenset({"search", "'search'"})
"""Keys of ``campos`` that request the tags of statement rows; the vendor's page shows the quotes."""


@dataclass(slots=True)
class RequestContext:
    """State of one request, shared by the middleware, the faults and the handler."""

    endpoint: str
    """The endpoint's name, for example ``voz/call``; empty for paths outside the API."""
    path: str = ""
    fields: PhpArray = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    token_expired: bool = False
    duplicate_rows: bool = False
    ignore_write: bool = False
    """Answer a rule write as done and change nothing."""
    neighbour_write: bool = False
    """Answer a rule write as done and change another rule."""
    page_order: int | None = None
    """Seed that reorders the pages of a statement."""
    foreign_writes: list[Mapping[str, str]] = field(default_factory=list)
    """Rule writes of another client, done just before this request takes effect."""
    summary: str = ""
    """Text for the log: masked numbers and the return code."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart body."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request to the API: its parameters as PHP sees them, its files, a JSON body if it has one."""

    fields: PhpArray
    zone: ZoneInfo
    context: RequestContext
    base_url: str
    files: dict[str, Upload] = field(default_factory=dict)
    json_body: Json = None

    def text(self, name: str) -> str | None:
        """Return a parameter, None when it is missing or empty."""
        value = self.fields.get(name)
        if isinstance(value, dict):
            raise invalid(name)
        return value or None

    def required(self, name: str) -> str:
        """Return a required parameter."""
        value = self.text(name)
        if value is None:
            raise invalid(name)
        return value

    def phone(self, name: str, *, sip: bool = False, foreign: bool = False) -> str:
        """Return a required telephone number: 12 or 13 digits with country code, or one of the other forms allowed."""
        return checked_phone(self.required(name), name, sip=sip, foreign=foreign)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return an ``s`` or ``n`` as a boolean."""
        value = self.text(name)
        if value is None:
            return default
        if value not in _FLAGS:
            raise invalid(name)
        return _FLAGS[value]

    def integer(self, name: str, least: int, most: int) -> int | None:
        """Return an integer within bounds (inclusive)."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise invalid(name)
        return int(value)

    def moment(self, name: str, form: DateFormat) -> float | None:
        """Return a local time as seconds since the epoch."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return read_moment(value, form, self.zone)
        except ValueError:
            raise invalid(name) from None

    def required_moment(self, name: str, form: DateFormat) -> float:
        """Return a required local time as seconds since the epoch."""
        self.required(name)
        moment = self.moment(name, form)
        if moment is None:
            raise invalid(name)
        return moment

    def tags(self, name: str = "campos") -> dict[str, str]:
        """Return the custom map, one level deep."""
        value = self.fields.get(name, {})
        return plain_map(value, name)

    def upload(self, name: str, max_bytes: int, kinds: tuple[str, ...]) -> Upload:
        """Return an audio file; code 001 when it is missing, too large or of another kind (``mp3``, ``wav``)."""
        upload = self.files.get(name)
        if upload is None or not 0 < len(upload.content) <= max_bytes:
            raise invalid(name)
        if not any(_AUDIO_KINDS[kind].match(upload.content) for kind in kinds):
            raise invalid(name)
        return upload

    def log_numbers(self, *numbers: str) -> None:
        """Add masked numbers to the log line."""
        self.context.summary = " ".join(masked(number) for number in numbers)


def plain_map(value: object, name: str) -> dict[str, str]:
    """Return a map of texts, one level deep; anything else is code 001."""
    if not isinstance(value, dict):
        raise invalid(name)
    if not all(isinstance(key, str) and isinstance(item, str) for key, item in value.items()):
        raise invalid(name)
    return dict(value)


def invalid(name: str) -> ApiError:
    """Return the error 001 for a parameter."""
    return ApiError(INVALID, f"Parametro invalido ou nao informado: {name}")


def checked_phone(number: str, name: str, *, sip: bool = False, foreign: bool = False) -> str:
    """Return a number if it has a form that the API accepts."""
    forms = [_NUMBER, *([_SIP_NUMBER] if sip else []), *([_FOREIGN_NUMBER] if foreign else [])]
    if not any(form.fullmatch(number) for form in forms):
        raise invalid(name)
    return number


def masked(number: str) -> str:
    """Mask a number for the log, except its first four and last four characters."""
    return f"{number[:4]}*****{number[-4:]}" if len(number) > 8 else "*" * len(number)


async def read_request(request: Request, context: RequestContext, zone: ZoneInfo, *, takes_json: bool) -> ApiRequest:
    """Read a request: the query of a GET, else the body by its content type; PHP reads no fields of other types.

    With ``takes_json`` a JSON body is read too; its texts, numbers and maps of them become fields.
    """
    content = await _read(request, takes_json=takes_json)
    base_url = str(request.base_url).rstrip("/")
    return ApiRequest(content.fields, zone, context, base_url, files=content.files, json_body=content.json_body)


async def read_fields(request: Request) -> PhpArray:
    """Return the fields of a request to any endpoint; none if they cannot be read."""
    try:
        return (await _read(request, takes_json=True)).fields
    except MultiPartException:
        return {}


@dataclass(frozen=True, slots=True)
class _Content:
    """The content of a request."""

    fields: PhpArray = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)
    json_body: Json = None


async def _read(request: Request, *, takes_json: bool) -> _Content:
    if request.method == "GET":
        return _Content(parse_urlencoded(request.url.query.encode()))
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json" and takes_json:
        body = _json(await request.body())
        return _Content(_json_fields(body), json_body=body)
    if content_type == "multipart/form-data":
        return _Content(*await _multipart(request))
    if content_type == "application/x-www-form-urlencoded":
        return _Content(parse_urlencoded(await request.body()))
    return _Content()


async def _multipart(request: Request) -> tuple[PhpArray, dict[str, Upload]]:
    fields: PhpArray = {}
    files: dict[str, Upload] = {}
    async with request.form(max_part_size=8 * 1024 * 1024) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files[name] = Upload(value.filename or "", await value.read())
            else:
                register(fields, name, value)
    return fields, files


def _json(body: bytes) -> Json:
    try:
        value: Json = json.loads(body)
    except ValueError:
        return None
    return value


def json_text(value: Json) -> str | None:
    """Return a text or number of a JSON body as a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    # JSON can hold half a surrogate pair, which cannot be encoded in a reply.
    return str(value).encode("utf-8", errors="replace").decode()


def json_map(value: Json) -> dict[str, str]:
    """Return the texts and numbers of a JSON object as texts."""
    items = value.items() if isinstance(value, dict) else ()
    texts = ((key, json_text(item)) for key, item in items)
    return {key: text for key, text in texts if text is not None}


def _json_fields(body: Json) -> PhpArray:
    fields: PhpArray = {**json_map(body)}
    if isinstance(body, dict):
        fields |= {key: {**json_map(item)} for key, item in body.items() if isinstance(item, dict)}
    return fields
