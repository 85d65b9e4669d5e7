"""What the answer to a once-only request proves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

from airflow_provider_directcall.api.errors import AUTH_CODE, RETURN_CODES
from airflow_provider_directcall.api.replies.envelope import (
    OAUTH_ERRORS,
    REFUSED,
    Json,
    read_envelope,
    return_code,
    word_of,
)
from airflow_provider_directcall.api.replies.values import id_or_none, is_no_id, text_or_none

#: Fields that hold an id of what the vendor made: one with a value, anywhere in a reply, is a sign of an effect.
ID_FIELDS: Final = frozenset({"callerid", "agendamentoId", "id_mensagem", "audio_id", "soundId"})
#: The same in any spelling.
_PLAIN_ID_FIELDS: Final = frozenset(name.casefold().replace("_", "") for name in ID_FIELDS)
#: The same in the vendor's text: "Mensagem enviada com sucessso - CALLER-ID: ...", "Completando a sua ligacao".
_SUCCESS_WORDS: Final = re.compile(r"suc+es|caller-?id|completando", re.IGNORECASE)


class Proof(Enum):
    """What an answer to a once-only request proves."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LOGIN_REJECTED = "login rejected"
    NOTHING = "nothing"


#: HTTP statuses of an answer that may prove a refusal: gateways answer with the others, and 408 and 429 come with any.
_REFUSING_STATUSES: Final = frozenset({200, *range(400, 500)} - {408, 429})
#: Documented codes of ``voz/end`` and ``voz/status``: as the answer to a once-only request they are another question's.
_OF_CALLS_IN_PROGRESS: Final = frozenset({"003", "004"})
_LOGIN_STATUSES: Final = frozenset({200, 400, 401, 403})
_FAMILIES: Final = frozenset({"did", "extrato", "sms", "voz"})


def proof_of(fields: Mapping[str, Json], http_status: int, path: str) -> Proof:
    """Return what an answer to a once-only request proves; of two claims, the one with more effect wins.

    =================  ===============================================================================================
    accepted           an id at the top (``callerid``, ...), or ``status`` ok with an HTTP status that is no error
    refused            ``status`` ``erro`` *and* a documented ``codigo`` that is not transient, HTTP 200 or 4xx, and
                       no sign of success
    login rejected     OAuth's ``error`` with ``error_description``, ``erro`` with ``codigo`` 006, or ``access_token``
                       false; HTTP 200, 400, 401 or 403, and no sign of success
    nothing            anything else: a gateway's or framework's JSON, an unknown word, a transient ``codigo``, the
                       answer to another family's request (``api``)
    =================  ===============================================================================================

    :param path: documented path of the endpoint, whose first part is its family.
    """
    # Registrations of callbacks are all answered by ``sms``.
    if word_of(fields.get("api")) in _FAMILIES - {path.split("/")[1], "sms" if "callback" in path else ""}:
        return Proof.NOTHING
    says_ok = word_of(fields.get("status")) == "ok"
    if any(id_or_none(fields.get(name)) for name in ID_FIELDS) or (says_ok and 200 <= http_status < 300):
        return Proof.ACCEPTED
    if says_ok or shows_success(fields):
        return Proof.NOTHING
    envelope = read_envelope(fields)
    if envelope is None or envelope.ok:
        return Proof.NOTHING
    if envelope.is_auth_error:
        is_proven = (envelope.is_proven or _is_login_error(fields)) and http_status in _LOGIN_STATUSES
        return Proof.LOGIN_REJECTED if is_proven else Proof.NOTHING
    is_lasting = envelope.is_proven and refuses_for_good(envelope.code)
    return Proof.REFUSED if is_lasting and http_status in _REFUSING_STATUSES else Proof.NOTHING


def refuses_for_good(code: str | None) -> bool:
    """Whether a code is a documented refusal of a once-only request that does not come after the effect."""
    known = RETURN_CODES.get(code or "")
    return known is not None and code not in {"000", *_OF_CALLS_IN_PROGRESS} and not known.transient


def shows_success(value: Json | Mapping[str, Json]) -> bool:
    """Whether an id or an accepting ``status`` is anywhere in a reply, or a word that speaks of success."""
    if isinstance(value, Mapping):
        return any(_is_sign(name, inner) or shows_success(inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(map(shows_success, value))
    return isinstance(value, str) and _SUCCESS_WORDS.search(value) is not None


def _is_sign(name: str, value: Json) -> bool:
    if name == "status":
        return word_of(value) == "ok"
    is_named = name.casefold().replace("_", "") in _PLAIN_ID_FIELDS or _SUCCESS_WORDS.search(name) is not None
    return is_named and (value is True or not _is_empty(value))


def _is_empty(value: Json) -> bool:
    """Whether a value stands for no id; a text that cannot be one stands for something."""
    text = text_or_none(value)
    return not isinstance(value, (dict, list)) and (text is None or is_no_id(text))


def _is_login_error(fields: Mapping[str, Json]) -> bool:
    """Whether a reply without a claim of success has one of the vendor's two forms of a rejected login."""
    if "status" in fields and word_of(fields["status"]) != REFUSED:
        return False
    if return_code(fields.get("codigo")) not in {None, AUTH_CODE}:
        return False
    error, description = fields.get("error"), fields.get("error_description")
    is_oauth = isinstance(error, str) and error in OAUTH_ERRORS and isinstance(description, str) and bool(description)
    return is_oauth or fields.get("access_token") is False
