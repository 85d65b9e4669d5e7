"""The table of Directcall's endpoints: documented, observed, inferred and assumed ones side by side.

A connection can replace every path (extra ``endpoints``) and every assumed field name (extra ``fields``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Literal


class Encoding(StrEnum):
    """Encoding of a request's parameters."""

    QUERY = "query"  # in the URL, token included: such a URL is never logged
    FORM = "form"  # application/x-www-form-urlencoded; multipart/form-data with a file
    MULTIPART = "multipart"  # always with a file
    JSON = "json"  # a JSON object


class Repetition(StrEnum):
    """Whether a request may be sent again when its outcome is unknown."""

    REPEATABLE = "repeatable"
    ONCE_ONLY = "once-only"


class Mark(Enum):
    """How well an endpoint is known; the values appear in errors and docs."""

    DOCUMENTED = "documented"  # in the vendor's wiki
    OBSERVED = "observed"  # in public code that works or worked
    INFERRED = "inferred"  # by analogy with a documented one
    ASSUMED = "assumed"  # our own choice, without any evidence


Verb = Literal["GET", "POST"]
FormatField = Literal["format", "formato"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the table.

    :ivar verb: HTTP method.
    :ivar path: path below the base URL, with its leading slash.
    :ivar format_field: name of the parameter that requests JSON.
    :ivar encoding: encoding of the parameters.
    :ivar repetition: repeatable (reads, hang up, removal of callbacks) or once-only (calls, messages, audio, rules,
        registration of callbacks).
    :ivar mark: how well it is known.
    :ivar assumed_fields: vendor field names of the request and the reply that are assumed, not known.
    :ivar documented_params: those of them that are documented in the request and assumed in the reply only.
    :ivar enveloped: whether a reply without the envelope (``status``, ``codigo``) is invalid.
    """

    verb: Verb
    path: str
    format_field: FormatField
    encoding: Encoding
    repetition: Repetition
    mark: Mark
    assumed_fields: frozenset[str] = frozenset()
    documented_params: frozenset[str] = frozenset()
    enveloped: bool = True

    @property
    def once_only(self) -> bool:
        """Whether sending it twice could ring, charge or change something twice."""
        return self.repetition is Repetition.ONCE_ONLY


_QUERY, _FORM, _MULTIPART, _JSON = Encoding
_REPEATABLE, _ONCE_ONLY = Repetition
_DOCUMENTED, _OBSERVED, _INFERRED, _ASSUMED = Mark

_STATEMENT_FIELDS = frozenset({"callerid", "duracao", "status", "tipo", "valor", "campos", "paginas"})
_STATEMENT_PARAMS = frozenset({"callerid", "campos"})
_MESSAGE_STATEMENT_FIELDS = frozenset(
    {"origem", "destino", "inicio", "tipo", "texto", "status", "callerid", "id_mensagem", "valor", "campos"}
    | {"dataInicial", "dataFinal", "numeroOrigem", "numeroDestino", "pagina", "paginas"}
)
_LOT_FIELDS = frozenset(
    {"destino", "texto", "campos", "cron", "short_number", "tipo", "detalhe", "id_destinatario", "id_mensagem"}
)
_LOT_PARAMS = frozenset({"id_destinatario"})
_RULE_DATA = frozenset({"record", "soundId", "moment", "email", "week", "start", "end", "source"})
_RULE_FIELDS = _RULE_DATA | {"did", "dpId", "priority", "action", "data", "phone", "wait"}

# fmt: off
#: Every endpoint the client can reach, by the name that a connection's ``endpoints`` uses.
ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType({
    # account
    "request_token":              Endpoint("POST", "/request_token", "format", _FORM, _REPEATABLE, _DOCUMENTED, enveloped=False),
    "create_cipher":              Endpoint("POST", "/encrypt", "format", _FORM, _REPEATABLE, _DOCUMENTED, enveloped=False),
    # calls
    "place_call":                 Endpoint("POST", "/voz/call", "format", _FORM, _ONCE_ONLY, _DOCUMENTED, frozenset({"cron", "agendamentoId"})),
    "end_call":                   Endpoint("GET", "/voz/end", "format", _QUERY, _REPEATABLE, _DOCUMENTED),
    "call_status":                Endpoint("GET", "/voz/status", "format", _QUERY, _REPEATABLE, _DOCUMENTED),
    "scheduled_call_status":      Endpoint("POST", "/voz/status-agendamento", "format", _FORM, _REPEATABLE, _DOCUMENTED),
    "add_call_callback":          Endpoint("POST", "/voz/add-callback", "format", _FORM, _ONCE_ONLY, _DOCUMENTED),
    "list_call_callbacks":        Endpoint("POST", "/voz/list-callback", "format", _FORM, _REPEATABLE, _INFERRED),
    "remove_call_callback":       Endpoint("POST", "/voz/remove-callback", "format", _FORM, _REPEATABLE, _INFERRED),
    # messages
    "send_message":               Endpoint("POST", "/sms/send", "format", _FORM, _ONCE_ONLY, _DOCUMENTED),
    "send_lot":                   Endpoint("POST", "/sms/lot-send", "format", _JSON, _ONCE_ONLY, _DOCUMENTED, _LOT_FIELDS, _LOT_PARAMS),
    "message_status":             Endpoint("GET", "/sms/status", "format", _QUERY, _REPEATABLE, _DOCUMENTED),
    "cancel_message":             Endpoint("GET", "/sms/remove", "format", _QUERY, _REPEATABLE, _OBSERVED),
    "received_messages":          Endpoint("POST", "/sms/recebimento", "format", _FORM, _REPEATABLE, _DOCUMENTED),
    "upload_audio":               Endpoint("POST", "/sms/audio", "format", _MULTIPART, _ONCE_ONLY, _DOCUMENTED),
    "add_message_callback":       Endpoint("POST", "/sms/add-callback-status", "format", _FORM, _ONCE_ONLY, _DOCUMENTED),
    "add_received_callback":      Endpoint("POST", "/sms/add-callback", "format", _FORM, _ONCE_ONLY, _INFERRED),
    "list_message_callbacks":     Endpoint("POST", "/sms/list-callback", "format", _FORM, _REPEATABLE, _DOCUMENTED),
    "remove_message_callback":    Endpoint("POST", "/sms/remove-callback", "format", _FORM, _REPEATABLE, _INFERRED),
    # statement
    "list_statement":             Endpoint("POST", "/extrato/list", "formato", _FORM, _REPEATABLE, _DOCUMENTED, _STATEMENT_FIELDS, _STATEMENT_PARAMS),
    "list_recordings":            Endpoint("POST", "/extrato/list-recordings", "formato", _FORM, _REPEATABLE, _DOCUMENTED, _STATEMENT_FIELDS, _STATEMENT_PARAMS),
    "list_messages":              Endpoint("POST", "/extrato/list-sms", "formato", _FORM, _REPEATABLE, _ASSUMED, _MESSAGE_STATEMENT_FIELDS),
    "balance":                    Endpoint("POST", "/extrato/saldo", "format", _FORM, _REPEATABLE, _OBSERVED, enveloped=False),
    # numbers
    "list_numbers":               Endpoint("POST", "/did/list", "formato", _FORM, _REPEATABLE, _DOCUMENTED, frozenset({"did", "login"})),
    "list_rules":                 Endpoint("POST", "/did/route", "formato", _FORM, _REPEATABLE, _DOCUMENTED, _RULE_DATA),
    "save_rule":                  Endpoint("POST", "/did/save", "formato", _FORM, _ONCE_ONLY, _ASSUMED, _RULE_FIELDS),
    "remove_rule":                Endpoint("POST", "/did/remove", "formato", _FORM, _ONCE_ONLY, _ASSUMED, frozenset({"did", "dpId"})),
    "add_sound":                  Endpoint("POST", "/did/add-sound", "formato", _MULTIPART, _ONCE_ONLY, _DOCUMENTED),
    # portability
    "lookup_carrier":             Endpoint("POST", "/portabilidade/consultar", "formato", _FORM, _REPEATABLE, _OBSERVED, enveloped=False),
})
# fmt: on
