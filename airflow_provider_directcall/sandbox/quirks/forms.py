"""Quirks of form: bytes (``replies``), errors (``app``), tokens (``endpoints.auth``) and bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.quirks.kinds import STATEMENTS, Quirk, change_body, change_field
from airflow_provider_directcall.sandbox.replies import php_json

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.replies import Json

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


def _old_names(data: Json) -> Json:
    # Only the names of rows changed over the years; the contents of a rule's data kept their names.
    if isinstance(data, list):
        return [_old_names(row) for row in data]
    if isinstance(data, dict):
        return {_OLD_NAMES.get(key, key): value for key, value in data.items()}
    return data


def _integers_as_strings(value: Json) -> Json:
    if isinstance(value, list):
        return [_integers_as_strings(item) for item in value]
    if isinstance(value, dict):
        return {
            key: str(item) if key in _INTEGER_FIELDS and isinstance(item, int) else _integers_as_strings(item)
            for key, item in value.items()
        }
    return value


FORMS: Final[dict[str, Quirk]] = {
    "bom": Quirk("a byte order mark before every body"),
    "latin1": Quirk("bodies in ISO-8859-1, accents not escaped"),
    "pretty": Quirk("JSON over several lines"),
    "html_content_type": Quirk("JSON labelled text/html"),
    "old_did": Quirk(
        "the did family as it once was: a list around the reply, data as a JSON string, DIS_* and DP_* names",
        change_body(lambda body: [change_field("data", lambda data: php_json(_old_names(data)))(body)]),
        ("did/list", "did/route", "did/save", "did/remove"),
    ),
    "paginas_string": Quirk("paginas as a numeric string", change_body(change_field("paginas", str)), STATEMENTS),
    "retorno_list": Quirk(
        "retorno of /voz/status-agendamento as a list of one",
        change_body(change_field("retorno", lambda outcome: [outcome] if outcome else [])),
        ("voz/status-agendamento",),
    ),
    "ids_as_strings": Quirk("id_mensagem, soundId and wait as strings", change_body(_integers_as_strings)),
    "http_400": Quirk("errors with HTTP status 400 in place of 200"),
    "auth_200": Quirk("a bad or expired token is answered with HTTP status 200 in place of 401"),
    "auth_envelope": Quirk("a bad or expired token is answered with the envelope, codigo 006"),
    "hex_token": Quirk("tokens of 40 hex digits, as before JWT"),
}
