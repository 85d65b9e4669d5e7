"""The table of the API's endpoints: name, verbs, how its replies name it, and who handles it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from airflow_provider_directcall.sandbox.endpoints import auth, callbacks, calls, carriers, messages, numbers, statement

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.replies import ApiReply
    from airflow_provider_directcall.sandbox.requests import ApiRequest

Handler: TypeAlias = "Callable[[Account, ApiRequest], ApiReply]"
Basis = Literal["documented", "observed", "inferred", "assumed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiRoute:
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

ROUTES: Final[tuple[ApiRoute, ...]] = (
    ApiRoute(
        name="request_token",
        handler=auth.request_token,
        api="oauth",
        modulo="request_token",
        needs_token=False,
    ),
    ApiRoute(name="encrypt", handler=auth.encrypt, api="oauth", modulo="encrypt", needs_token=False),
    ApiRoute(name="voz/call", handler=calls.call, api="voz", modulo="chamar"),
    ApiRoute(name="voz/end", handler=calls.end, api="voz", modulo="end", verbs=_GET),
    ApiRoute(name="voz/status", handler=calls.status, api="voz", modulo="status", verbs=_GET),
    ApiRoute(
        name="voz/status-agendamento",
        handler=calls.schedule_status,
        api="voz",
        modulo="agendamento-status",
    ),
    ApiRoute(
        name="voz/add-callback",
        handler=callbacks.add("call-status", "add-callback-status-chamada"),
        api="sms",
        modulo="add-callback-status-chamada",
    ),
    ApiRoute(
        name="voz/list-callback",
        handler=callbacks.list_all("voz", _CALL_STATUS),
        api="voz",
        modulo="list-callback",
        verbs=_BOTH,
        basis="inferred",
    ),
    ApiRoute(
        name="voz/remove-callback",
        handler=callbacks.remove("voz", _CALL_STATUS),
        api="voz",
        modulo="remove-callback",
        basis="inferred",
    ),
    ApiRoute(name="sms/send", handler=messages.send, api="sms", modulo="enviar"),
    ApiRoute(name="sms/lot-send", handler=messages.send_lot, api="sms", modulo="enviar", takes_json=True),
    ApiRoute(name="sms/status", handler=messages.status, api="sms", modulo="status", verbs=_GET),
    ApiRoute(
        name="sms/remove",
        handler=messages.remove,
        api="sms",
        modulo="remove",
        verbs=_GET,
        basis="observed",
    ),
    ApiRoute(name="sms/recebimento", handler=messages.received, api="sms", modulo="recebimento"),
    ApiRoute(
        name="sms/received",
        handler=messages.received_by_number,
        api="sms",
        modulo="recebimento",
        basis="observed",
    ),
    ApiRoute(name="sms/audio", handler=messages.audio, api="sms", modulo="recebimento"),
    ApiRoute(
        name="sms/add-callback-status",
        handler=callbacks.add("sms-status", "add-callback"),
        api="sms",
        modulo="add-callback",
    ),
    ApiRoute(
        name="sms/list-callback",
        handler=callbacks.list_all("sms", _SMS),
        api="sms",
        modulo="list-callback",
        verbs=_BOTH,
    ),
    ApiRoute(
        name="sms/add-callback",
        handler=callbacks.add("sms-received", "add-callback"),
        api="sms",
        modulo="add-callback",
        basis="inferred",
    ),
    ApiRoute(
        name="sms/remove-callback",
        handler=callbacks.remove("sms", _SMS),
        api="sms",
        modulo="remove-callback",
        basis="inferred",
    ),
    ApiRoute(name="extrato/list", handler=statement.calls, api="extrato", modulo="extrato"),
    ApiRoute(name="extrato/list-recordings", handler=statement.recordings, api="extrato", modulo="extrato"),
    ApiRoute(
        name="extrato/list-sms",
        handler=statement.messages,
        api="extrato",
        modulo="extrato",
        basis="assumed",
    ),
    ApiRoute(name="did/list", handler=numbers.list_numbers, api="did", modulo="did-list"),
    ApiRoute(name="did/route", handler=numbers.list_rules, api="did", modulo="did-route"),
    ApiRoute(name="did/add-sound", handler=numbers.add_sound, api="did", modulo="did-save"),
    ApiRoute(name="did/save", handler=numbers.save, api="did", modulo="did-save", basis="assumed"),
    ApiRoute(name="did/remove", handler=numbers.remove, api="did", modulo="did-remove", basis="assumed"),
    ApiRoute(
        name="portabilidade/consultar",
        handler=carriers.look_up,
        api="portabilidade",
        modulo="consultar",
        basis="observed",
    ),
)
