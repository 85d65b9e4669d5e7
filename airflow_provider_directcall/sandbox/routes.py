"""The table of the API's endpoints: name, verbs, how its replies name it, and who handles it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from airflow_provider_directcall.sandbox.endpoints import auth, callbacks, calls, carriers, messages, numbers, statement

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.replies import Reply
    from airflow_provider_directcall.sandbox.requests import ApiRequest

Handler: TypeAlias = "Callable[[Account, ApiRequest], Reply]"
Basis = Literal["documented", "observed", "inferred", "assumed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of the API. ``api`` and ``modulo`` name it in refusals."""

    name: str
    handler: Handler
    api: str
    modulo: str
    verbs: tuple[str, ...] = ("POST",)
    basis: Basis = "documented"
    needs_token: bool = True
    takes_json: bool = False

    @property
    def path(self) -> str:
        """The path on the server, unless ``SandboxConfig.paths`` gives another."""
        return f"/{self.name}"


_CALL_STATUS: Final = frozenset[callbacks.Purpose]({"call-status"})
_SMS: Final = frozenset[callbacks.Purpose]({"sms-status", "sms-received"})
_GET: Final = ("GET",)
_BOTH: Final = ("GET", "POST")

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        name="request_token",
        handler=auth.request_token,
        api="oauth",
        modulo="request_token",
        needs_token=False,
    ),
    Endpoint(name="encrypt", handler=auth.encrypt, api="oauth", modulo="encrypt", needs_token=False),
    Endpoint(name="voz/call", handler=calls.call, api="voz", modulo="chamar"),
    Endpoint(name="voz/end", handler=calls.end, api="voz", modulo="end", verbs=_GET),
    Endpoint(name="voz/status", handler=calls.status, api="voz", modulo="status", verbs=_GET),
    Endpoint(
        name="voz/status-agendamento",
        handler=calls.schedule_status,
        api="voz",
        modulo="agendamento-status",
    ),
    Endpoint(
        name="voz/add-callback",
        handler=callbacks.add("call-status", "add-callback-status-chamada"),
        api="sms",
        modulo="add-callback-status-chamada",
    ),
    Endpoint(
        name="voz/list-callback",
        handler=callbacks.list_all("voz", _CALL_STATUS),
        api="voz",
        modulo="list-callback",
        verbs=_BOTH,
        basis="inferred",
    ),
    Endpoint(
        name="voz/remove-callback",
        handler=callbacks.remove("voz", _CALL_STATUS),
        api="voz",
        modulo="remove-callback",
        basis="inferred",
    ),
    Endpoint(name="sms/send", handler=messages.send, api="sms", modulo="enviar"),
    Endpoint(name="sms/lot-send", handler=messages.send_lot, api="sms", modulo="enviar", takes_json=True),
    Endpoint(name="sms/status", handler=messages.status, api="sms", modulo="status", verbs=_GET),
    Endpoint(
        name="sms/remove",
        handler=messages.remove,
        api="sms",
        modulo="remove",
        verbs=_GET,
        basis="observed",
    ),
    Endpoint(name="sms/recebimento", handler=messages.received, api="sms", modulo="recebimento"),
    Endpoint(
        name="sms/received",
        handler=messages.received_by_number,
        api="sms",
        modulo="recebimento",
        basis="observed",
    ),
    Endpoint(name="sms/audio", handler=messages.audio, api="sms", modulo="recebimento"),
    Endpoint(
        name="sms/add-callback-status",
        handler=callbacks.add("sms-status", "add-callback"),
        api="sms",
        modulo="add-callback",
    ),
    Endpoint(
        name="sms/list-callback",
        handler=callbacks.list_all("sms", _SMS),
        api="sms",
        modulo="list-callback",
        verbs=_BOTH,
    ),
    Endpoint(
        name="sms/add-callback",
        handler=callbacks.add("sms-received", "add-callback"),
        api="sms",
        modulo="add-callback",
        basis="inferred",
    ),
    Endpoint(
        name="sms/remove-callback",
        handler=callbacks.remove("sms", _SMS),
        api="sms",
        modulo="remove-callback",
        basis="inferred",
    ),
    Endpoint(name="extrato/list", handler=statement.calls, api="extrato", modulo="extrato"),
    Endpoint(name="extrato/list-recordings", handler=statement.recordings, api="extrato", modulo="extrato"),
    Endpoint(
        name="extrato/list-sms",
        handler=statement.messages,
        api="extrato",
        modulo="extrato",
        basis="assumed",
    ),
    Endpoint(name="did/list", handler=numbers.list_numbers, api="did", modulo="did-list"),
    Endpoint(name="did/route", handler=numbers.list_rules, api="did", modulo="did-route"),
    Endpoint(name="did/add-sound", handler=numbers.add_sound, api="did", modulo="did-save"),
    Endpoint(name="did/save", handler=numbers.save, api="did", modulo="did-save", basis="assumed"),
    Endpoint(name="did/remove", handler=numbers.remove, api="did", modulo="did-remove", basis="assumed"),
    Endpoint(
        name="portabilidade/consultar",
        handler=carriers.look_up,
        api="portabilidade",
        modulo="consultar",
        basis="observed",
    ),
)
