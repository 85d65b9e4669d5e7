"""Replies, encoded as PHP encodes JSON (escaped slashes, empty maps as ``[]``) or as XML, with the quirks of bytes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self, TypeAlias
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Fields: TypeAlias = "Mapping[str, Json]"
"""Fields that a success adds to the envelope."""
_NOT_IN_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class ApiReply:
    """A reply before its encoding as JSON or XML."""

    body: Json
    http_status: int = 200


@dataclass(frozen=True, slots=True)
class EncodedReply:
    """An encoded reply."""

    body: bytes
    content_type: str
    http_status: int


@dataclass(eq=False)
class ApiError(Exception):
    """A refusal: the envelope with ``status`` ``erro``."""

    codigo: str
    msg: str
    extra: Fields = field(default_factory=dict)

    @classmethod
    def bad_credentials(cls) -> Self:
        """Return code 006."""
        return cls("006", "Falha na autenticacao, entre em contato com a Directcall")

    @classmethod
    def not_found(cls) -> Self:
        """Return code 010, for an unknown or cancelled id."""
        return cls("010", "Identificador nao existe ou foi cancelado anteriormente")


class InvalidToken(Exception):
    """The access token is missing, wrong or expired; the text goes into the reply."""


def envelope(api: str, modulo: str, **fields: Json) -> dict[str, Json]:
    """Return the envelope of a success, codigo 000 unless ``fields`` has another."""
    return {"api": api, "modulo": modulo, "status": "ok", "codigo": "000", **fields}


def php_json(value: Json, *, pretty: bool = False, ascii_only: bool = True) -> str:
    r"""Encode JSON as PHP's ``json_encode`` does: ``\/``, ``\u00e3``, and ``[]`` for an empty list or map."""
    text = json.dumps(
        _php_arrays(value),
        ensure_ascii=ascii_only,
        indent=4 if pretty else None,
        separators=None if pretty else (",", ":"),
    )
    return text.replace("/", "\\/")


def encode_reply(reply: ApiReply, *, xml: bool, quirks: AbstractSet[str]) -> EncodedReply:
    """Encode a reply, with the quirks of bytes."""
    charset = "ISO-8859-1" if "latin1" in quirks else "UTF-8"
    if xml:
        text = f'<?xml version="1.0" encoding="{charset}"?>\n{_element("retorno", reply.body)}\n'
        body = text.encode(charset, errors="xmlcharrefreplace")
        kind = "text/xml"
    else:
        body = _json_bytes(reply.body, quirks)
        kind = "text/html" if "html_content_type" in quirks else "application/json"
    if "bom" in quirks:
        body = b"\xef\xbb\xbf" + body
    return EncodedReply(body, f"{kind}; charset={charset}", reply.http_status)


def _json_bytes(value: Json, quirks: AbstractSet[str]) -> bytes:
    pretty = "pretty" in quirks
    if "latin1" not in quirks:
        return php_json(value, pretty=pretty).encode()
    text = php_json(value, pretty=pretty, ascii_only=False)
    return "".join(char if char <= "\xff" else json.dumps(char)[1:-1] for char in text).encode("latin-1")


def _php_arrays(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _php_arrays(item) for key, item in value.items()} or []
    if isinstance(value, list):
        return [_php_arrays(item) for item in value]
    return value


def _element(name: str, value: Json) -> str:
    # No XML reply of the vendor is known: the root's name and "item" for lists are assumed.
    if isinstance(value, dict):
        inner = "".join(_element(key, item) for key, item in value.items())
    elif isinstance(value, list):
        inner = "".join(_element("item", item) for item in value)
    elif isinstance(value, bool):
        inner = str(value).lower()
    else:
        inner = "" if value is None else _xml_text(str(value))
    if _is_xml_name(name):
        return f"<{name}>{inner}</{name}>"
    return f'<item name="{_xml_text(name).replace(chr(34), "&quot;")}">{inner}</item>'


def _xml_text(text: str) -> str:
    return escape(_NOT_IN_XML.sub("\ufffd", text))


def _is_xml_name(name: str) -> bool:
    return name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()
