"""Quirks: alternative forms of the vendor's replies, switched on by name; none is on by default.

To add one, add a row to ``QUIRKS``: ``SandboxConfig``, the command line and the control endpoint take its name from
there. A quirk of the body of a success has a ``reshape`` function; quirks of bytes (``replies``), of errors (``app``)
and of tokens (``endpoints.auth``) are a name that is looked up where they apply.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from airflow_provider_directcall.sandbox.replies import php_json

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.replies import Json

Reshape: TypeAlias = "Callable[[Json], Json]"
_INTEGER_FIELDS: Final = frozenset({"id_mensagem", "soundId", "wait"})
_OLD_NAMES: Final = {
    "did": "DIS_ID",
    "cid": "DIS_CID",
    "login": "DIS_LOGIN",
    "pass": "DIS_PASS",
    "ip": "DIS_IP",
    "proxy": "DIS_PROXY",
    "regenerador": "DIS_REGENERADOR",
    "dpId": "DP_ID",
    "priority": "DP_PRI",
    "action": "DP_ACTION",
    "data": "DP_DATA",
    "timeout": "DP_TIMEOUT",
}


@dataclass(frozen=True, slots=True)
class Quirk:
    """An alternative form of replies. ``reshape`` changes the body of a success at ``endpoints`` (empty: at all)."""

    description: str
    reshape: Reshape | None = None
    endpoints: tuple[str, ...] = ()


def reshape(body: Json, endpoint: str, quirks: Collection[str]) -> Json:
    """Apply the quirks that are on to the body of a success, in the order of the table."""
    for name, quirk in QUIRKS.items():
        if name in quirks and quirk.reshape is not None and (not quirk.endpoints or endpoint in quirk.endpoints):
            body = quirk.reshape(body)
    return body


def _field(name: str, change: Reshape) -> Reshape:
    """Return a function that changes one field of a body."""
    return lambda body: {**body, name: change(body[name])} if isinstance(body, dict) else body


def _old_names(data: Json) -> Json:
    # Only the names of rows changed over the years; the contents of a rule's data kept their names.
    if isinstance(data, list):
        return [_old_names(row) for row in data]
    if isinstance(data, dict):
        return {_OLD_NAMES.get(key, key): value for key, value in data.items()}
    return data


def _listed_tags(row: Json) -> Json:
    tags = row.get("campos") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(tags, dict):
        return row
    return {**row, "campos": [{"campo": key, "valor": value} for key, value in tags.items()]}


def _integers_as_strings(value: Json) -> Json:
    if isinstance(value, list):
        return [_integers_as_strings(item) for item in value]
    if isinstance(value, dict):
        return {
            key: str(item) if key in _INTEGER_FIELDS and isinstance(item, int) else _integers_as_strings(item)
            for key, item in value.items()
        }
    return value


QUIRKS: Final[dict[str, Quirk]] = {
    "bom": Quirk("a byte order mark before every body"),
    "latin1": Quirk("bodies in ISO-8859-1, accents not escaped"),
    "pretty": Quirk("JSON over several lines"),
    "html_content_type": Quirk("JSON labelled text/html"),
    "old_did": Quirk(
        "the did family as it once was: a list around the reply, data as a JSON string, DIS_* and DP_* names",
        lambda body: [_field("data", lambda data: php_json(_old_names(data)))(body)],
        ("did/list", "did/route", "did/save", "did/remove"),
    ),
    "paginas_string": Quirk(
        "paginas as a numeric string",
        _field("paginas", str),
        ("extrato/list", "extrato/list-recordings", "extrato/list-sms"),
    ),
    "retorno_list": Quirk(
        "retorno of /voz/status-agendamento as a list of one",
        _field("retorno", lambda outcome: [outcome] if outcome else []),
        ("voz/status-agendamento",),
    ),
    "campos_list": Quirk(
        "campos of a statement row as a list of {campo, valor}",
        _field("msg", lambda rows: [_listed_tags(row) for row in rows] if isinstance(rows, list) else rows),
        ("extrato/list", "extrato/list-recordings", "extrato/list-sms"),
    ),
    "ids_as_strings": Quirk("id_mensagem, soundId and wait as strings", _integers_as_strings),
    "http_400": Quirk("errors with HTTP status 400 in place of 200"),
    "auth_200": Quirk("a bad or expired token is answered with HTTP status 200 in place of 401"),
    "auth_envelope": Quirk("a bad or expired token is answered with the envelope, codigo 006"),
    "hex_token": Quirk("tokens of 40 hex digits, as before JWT"),
}
