"""The table of the API's endpoints. To add one, add a row here and its handler in ``endpoints/``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from airflow_provider_directcall.sandbox.endpoints import (
    auth,
    callbacks,
    calls,
    carriers,
    messages,
    numbers,
    statement,
)
from airflow_provider_directcall.sandbox.replies import envelope

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.replies import ApiReply, Fields, Json
    from airflow_provider_directcall.sandbox.requests import ApiRequest

Handler: TypeAlias = "Callable[[Account, ApiRequest], Fields | ApiReply]"
"""Returns the fields that a success adds to the envelope, or a whole reply of another form."""
Basis = Literal["documented", "observed", "inferred", "assumed"]


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """An endpoint of the API; ``api`` and ``modulo`` name it in the envelope of its replies."""

    verbs: tuple[str, ...]
    name: str
    handler: Handler
    api: str
    modulo: str
    basis: Basis = "documented"
    needs_token: bool = True
    takes_json: bool = False

    @property
    def path(self) -> str:
        """The path on the server, unless ``SandboxConfig.paths`` gives another."""
        return f"/{self.name}"

    def success(self, fields: Fields) -> dict[str, Json]:
        """Return the envelope of a success with these fields."""
        return envelope(self.api, self.modulo, **fields)


_GET: Final = ("GET",)
_POST: Final = ("POST",)
_BOTH: Final = ("GET", "POST")
_SMS: Final[tuple[callbacks.Purpose, ...]] = ("sms-status", "sms-received")

ROUTES: Final = (
    ApiRoute(_POST, "request_token", auth.request_token, "oauth", "request_token", needs_token=False),
    ApiRoute(_POST, "encrypt", auth.encrypt, "oauth", "encrypt", needs_token=False),
    ApiRoute(_POST, "voz/call", calls.place, "voz", "chamar"),
    ApiRoute(_GET, "voz/end", calls.end, "voz", "end"),
    ApiRoute(_GET, "voz/status", calls.status, "voz", "status"),
    ApiRoute(_POST, "voz/status-agendamento", calls.schedule_status, "voz", "agendamento-status"),
    # Registrations name the api "sms", even those for calls, as the vendor shows them.
    ApiRoute(_POST, "voz/add-callback", callbacks.add("call-status"), "sms", "add-callback-status-chamada"),
    ApiRoute(_BOTH, "voz/list-callback", callbacks.list_all("call-status"), "voz", "list-callback", "inferred"),
    ApiRoute(_POST, "voz/remove-callback", callbacks.remove("call-status"), "voz", "remove-callback", "inferred"),
    ApiRoute(_POST, "sms/send", messages.send, "sms", "enviar"),
    ApiRoute(_POST, "sms/lot-send", messages.send_lot, "sms", "enviar", takes_json=True),
    ApiRoute(_GET, "sms/status", messages.status, "sms", "status"),
    ApiRoute(_GET, "sms/remove", messages.remove, "sms", "remove", "observed"),
    ApiRoute(_POST, "sms/recebimento", messages.received, "sms", "recebimento"),
    ApiRoute(_POST, "sms/received", messages.received_by_number, "sms", "recebimento", "observed"),
    ApiRoute(_POST, "sms/audio", messages.upload_audio, "sms", "recebimento"),
    ApiRoute(_POST, "sms/add-callback-status", callbacks.add("sms-status"), "sms", "add-callback"),
    ApiRoute(_BOTH, "sms/list-callback", callbacks.list_all(*_SMS), "sms", "list-callback"),
    ApiRoute(_POST, "sms/add-callback", callbacks.add("sms-received"), "sms", "add-callback", "inferred"),
    ApiRoute(_POST, "sms/remove-callback", callbacks.remove(*_SMS), "sms", "remove-callback", "inferred"),
    ApiRoute(_POST, "extrato/list", statement.list_calls, "extrato", "extrato"),
    ApiRoute(_POST, "extrato/list-recordings", statement.list_recordings, "extrato", "extrato"),
    ApiRoute(_POST, "extrato/list-sms", statement.list_messages, "extrato", "extrato", "assumed"),
    ApiRoute(_POST, "did/list", numbers.list_numbers, "did", "did-list"),
    ApiRoute(_POST, "did/route", numbers.list_rules, "did", "did-route"),
    ApiRoute(_POST, "did/add-sound", numbers.add_sound, "did", "did-save"),
    ApiRoute(_POST, "did/save", numbers.save_rule, "did", "did-save", "assumed"),
    ApiRoute(_POST, "did/remove", numbers.remove_rule, "did", "did-remove", "assumed"),
    ApiRoute(_POST, "portabilidade/consultar", carriers.look_up, "portabilidade", "consultar", "observed"),
)
