"""Decode replies: encodings, the outer list, the envelope, success and refusal.

The vendor's replies have several shapes (docs/directcall-api.md, sections 1 and 1.1); only this module knows them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from airflow_provider_directcall.api.errors import AUTH_CODE, RETURN_CODES

#: OAuth2's words for a rejected login (RFC 6749, section 5.2; RFC 6750, section 3.1).
OAUTH_ERRORS: Final = frozenset(
    {
        "access_denied",
        "expired_token",
        "insufficient_scope",
        "invalid_client",
        "invalid_grant",
        "invalid_token",
        "unauthorized_client",
    }
)

#: The word of a refusal (assumed; docs/directcall-api.md, section 13.7).
REFUSED: Final = "erro"
_RETURN_CODE: Final = re.compile(r"[0-9]{1,4}")
#: Custom data: its keys are the users' own and never renamed.
_TAGS_FIELD: Final = "campos"
#: Fields that older ``did`` replies write as JSON inside a text.
_JSON_TEXTS: Final = frozenset({"data", "DP_DATA"})
#: Levels of a rule; a usual one has two.
_MOST_LEVELS: Final = 50
#: The envelope's own fields; never renamed.
_ENVELOPE: Final = frozenset({"api", "modulo", "status", "codigo", "msg", "error", "error_description", "access_token"})

#: Any JSON value.
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
JsonObject = dict[str, Json]


class UnreadableError(Exception):
    """A reply that cannot be parsed; the protocol turns it into an error of :mod:`..errors`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One decoded reply.

    :ivar fields: the JSON object, without the outer list of ``did/list``.
    :ivar zone: the account's zone, for parsing times.
    """

    fields: Mapping[str, Json] = field(repr=False)
    zone: ZoneInfo

    @property
    def text(self) -> str:
        """The text of ``msg``; a list's texts joined, empty when there is none."""
        return message_text(self.fields)

    @property
    def objects(self) -> list[JsonObject]:
        """``msg`` as a list of objects, for queries; :class:`UnreadableError` if it is missing or anything else.

        A reply without the list is not an empty result.
        """
        return as_objects(self._present("msg"), "msg")

    @property
    def data(self) -> list[JsonObject]:
        """``data`` as a list of objects, decoded when it is a JSON text (older did replies); else as ``objects``."""
        value = self._present("data")
        objects = as_objects(decoded(value, "data") if value != "" else value, "data")
        _reject_deep(objects)
        return objects

    def _present(self, name: str) -> Json:
        if name not in self.fields:
            raise UnreadableError(f"field {name!r} is missing from the reply")
        return self.fields[name]

    def require(self, name: str) -> Json:
        """Return a required field; raise :class:`UnreadableError` when it is missing or empty."""
        value = self.fields.get(name)
        if value is None or value in ("", False):
            raise UnreadableError(f"field {name!r} is missing from the reply")
        return value


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whether the vendor accepted the request, as its reply says.

    :ivar ok: the request was accepted.
    :ivar is_auth_error: the token or the credentials were not accepted.
    :ivar is_proven: a refusal in the vendor's own form: the word ``erro`` and a documented ``codigo``.
    :ivar code: ``codigo`` as three digits, or None.
    :ivar text: ``msg`` or ``error_description``, not yet redacted.
    """

    ok: bool
    is_auth_error: bool = False
    is_proven: bool = False
    code: str | None = None
    text: str = field(default="", repr=False)


def decode_body(body: bytes, *, unambiguous: bool = False) -> JsonObject:
    """Decode a JSON object with or without byte order mark, in UTF-8 or Latin-1, maybe inside a list of one.

    :param unambiguous: reject an object that has one key twice: of two answers, JSON parsers keep the last.
    """
    value = decoded(_as_text(body), "reply", unambiguous=unambiguous)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        raise UnreadableError("it is not a JSON object")
    return value


def read_envelope(fields: Mapping[str, Json], *, is_login: bool = False) -> Envelope | None:
    """Return the envelope, or None when there is neither envelope nor auth error (token, portability).

    ``status`` takes precedence over ``codigo``, since the vendor shows ``"status":"ok"`` with ``"codigo":"001"``, and
    over the words of an error, which some servers send empty.

    :param is_login: the request asked for a token, so that ``"access_token": false`` is the answer.
    """
    status, code = word_of(fields.get("status")), return_code(fields.get("codigo"))
    rejection = _rejected_login(fields)
    if rejection is not None and (is_login or status != "ok"):
        return Envelope(ok=False, is_auth_error=True, text=rejection)
    if status is None and code is None:
        return None
    if status == "ok" or (status is None and code == "000"):
        return Envelope(ok=True, code=code)
    return Envelope(
        ok=False,
        is_auth_error=code == AUTH_CODE,
        is_proven=status == REFUSED and code in RETURN_CODES and code != "000",
        code=code,
        text=message_text(fields),
    )


def _rejected_login(fields: Mapping[str, Json]) -> str | None:
    """Return the text of a rejected token or secret, else None.

    Only OAuth2's own words count: a gateway's ``{"error": "Internal Server Error"}`` is no proof of either outcome.
    """
    error, description = fields.get("error"), fields.get("error_description")
    if (isinstance(error, str) and error in OAUTH_ERRORS) or (not error and description):
        return str(description or error)
    if fields.get("access_token") is False:
        return message_text(fields)
    return None


def word_of(status: Json) -> str | None:
    """Return ``status`` in lower case; None for anything but a text."""
    return status.strip().casefold() if isinstance(status, str) else None


def return_code(value: Json) -> str | None:
    """Return ``codigo`` as a text of three digits; None for anything but a code."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value).strip()
    return text.zfill(3) if _RETURN_CODE.fullmatch(text) else None


def message_text(fields: Mapping[str, Json]) -> str:
    """Return ``msg`` as one text, whatever its shape."""
    value = fields.get("msg")
    if isinstance(value, list):
        return "; ".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else ""


def as_objects(value: Json, name: str) -> list[JsonObject]:
    """Return a list of objects from a list, a single object, null, or an empty text.

    PHP writes a list whose numbering has gaps as an object: ``{"0": {...}, "2": {...}}`` (inferred).
    """
    if value is None or value == "":
        return []
    if isinstance(value, dict) and value and all(key.isdigit() for key in value):
        value = list(value.values())
    items = value if isinstance(value, list) else [value]
    objects = [item for item in items if isinstance(item, dict)]
    if len(objects) != len(items):
        raise UnreadableError(f"field {name!r} holds something other than objects")
    return objects


def decoded(value: Json, name: str, *, unambiguous: bool = False) -> Json:
    """Parse a JSON text; return any other value itself."""
    if not isinstance(value, str):
        return value
    try:
        parsed: Json = json.loads(value, strict=False, object_pairs_hook=_without_doubles if unambiguous else None)
    except (ValueError, RecursionError):
        raise UnreadableError(f"{name!r} is not JSON") from None
    return parsed


def _reject_deep(value: list[JsonObject]) -> None:
    """Reject a value whose nesting would exceed Python's recursion where it is compared or written again."""
    level: list[Json] = [*value]
    for _ in range(_MOST_LEVELS):
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        ]
        if not level:
            return
    raise UnreadableError("it is nested too deep")


def _without_doubles(pairs: list[tuple[str, Json]]) -> JsonObject:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key appears twice")
    return fields


def rename_keys(value: Json, names: Mapping[str, str]) -> Json:
    """Rename every key that is in ``names``, at any depth but inside tags."""
    if not names:
        return value
    if isinstance(value, list):
        return [rename_keys(item, names) for item in value]
    if isinstance(value, dict):
        return _renamed_object(value, names)
    return value


def rename_reply(fields: JsonObject, names: Mapping[str, str]) -> JsonObject:
    """Rename a reply's keys as :func:`rename_keys` does; the envelope's own stay."""
    if not names:
        return fields
    inner = {key: value for key, value in fields.items() if key not in _ENVELOPE}
    outer = {key: rename_keys(value, names) for key, value in fields.items() if key in _ENVELOPE}
    return _renamed_object(inner, names) | outer


def _renamed_object(fields: JsonObject, names: Mapping[str, str]) -> JsonObject:
    """Rename an object's keys; a renamed field replaces one that had the name already."""
    kept = {key: _rename_below(key, value, names) for key, value in fields.items() if key not in names}
    return kept | {names[key]: _rename_below(key, value, names) for key, value in fields.items() if key in names}


def _rename_below(key: str, value: Json, names: Mapping[str, str]) -> Json:
    if _TAGS_FIELD in {key, names.get(key)}:
        return value
    if isinstance(value, str) and value and {key, names.get(key)} & _JSON_TEXTS:
        value = decoded(value, key)
    return rename_keys(value, names)


def _as_text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return body.decode("latin-1").strip()
