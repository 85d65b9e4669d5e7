"""Endpoints of calls: ``/voz/...``."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_directcall.sandbox.lifecycle import LIVE_CALL, CallPhase, call_phase, call_times
from airflow_provider_directcall.sandbox.magic_numbers import scenario_of
from airflow_provider_directcall.sandbox.quirks import active
from airflow_provider_directcall.sandbox.records import CallRecord
from airflow_provider_directcall.sandbox.replies import ApiError, envelope
from airflow_provider_directcall.sandbox.wire_dates import DASHES, write_duration

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.replies import Fields, Json
    from airflow_provider_directcall.sandbox.requests import ApiRequest

CALL_ACCEPTED = "Completando a sua ligacao, por favor aguarde!"
REFUSALS = {
    "001": "Parametro invalido ou nao informado: destino",
    "002": "A chamada nao pode ser solicitada",
    "008": "Erro ao enviar a mensagem",
    "201": "Saldo insuficiente",
}


def place(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/voz/call``: place a call at once, or with ``cron`` (assumed) later."""
    origin, destination = _pair(request)
    recorded = request.flag("gravar")
    destination_first = request.flag("inverter_discagem")
    starts_at = request.moment("cron", DASHES)
    tags = request.tags()
    scenario = scenario_of(destination)
    if scenario.refused_call is not None:
        raise ApiError(scenario.refused_call, REFUSALS[scenario.refused_call])
    now = account.now()
    record = CallRecord(
        callerid=str(uuid.uuid4()),
        origin=origin,
        destination=destination,
        placed_at=now,
        starts_at=now if starts_at is None else max(now, starts_at),
        outcome=scenario.outcome,
        ring_seconds=scenario.ring_seconds,
        talk_seconds=scenario.talk_seconds,
        recorded=recorded,
        destination_first=destination_first,
        can_hang_up=scenario.can_hang_up,
        schedule_id=None if starts_at is None else str(secrets.randbelow(9 * 10**8) + 10**8),
        tags=tags,
    )
    account.store.calls[record.callerid] = record
    account.store.effects.add("calls_placed")
    if record.schedule_id is not None:
        return {"msg": "Chamada agendada com sucesso", "agendamentoId": record.schedule_id}
    return {"msg": CALL_ACCEPTED, "callerid": record.callerid}


def end(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/voz/end``: hang up every live call between two numbers; 003 without one, 004 if one cannot be ended."""
    live = _required(_live(account, _calls_of(account, _pair(request))))
    if not all(record.can_hang_up for record in live):
        raise ApiError("004", "A chamada nao foi encerrada")
    for record in live:
        hung_up_at = account.lifecycle_time(record.starts_at)
        account.store.calls[record.callerid] = replace(record, hung_up_at=hung_up_at)
        account.store.effects.add("calls_ended")
    return {"msg": "Chamada encerrada com sucesso"}


def status(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/voz/status``: the live calls between two numbers; 003 without one."""
    quirks = account.settings.quirks
    begun = [record for record in _calls_of(account, _pair(request)) if record.starts_at <= account.now()]
    if "answered_forever" in quirks and begun:
        return {"msg": [{**_status_row(account, record), "status": CallPhase.ANSWERED.value} for record in begun]}
    live = _live(account, begun)
    idle = next((quirk.idle for quirk in active(quirks) if quirk.idle is not None), None)
    if idle is not None and not live:
        return idle([_status_row(account, record) for record in begun])
    return {"msg": [_status_row(account, record) for record in _required(live)]}


def _status_row(account: Account, record: CallRecord) -> dict[str, Json]:
    now = account.lifecycle_time(record.starts_at)
    times = call_times(record)
    until = min(now, times.ended_at)
    return {
        "telefone": _with_blanks(record.destination),
        "status": call_phase(record, now).value,
        "inicio": account.format_moment(record.starts_at),
        "duracao": write_duration(max(0.0, until - (times.answered_at or until))),
    }


def schedule_status(account: Account, request: ApiRequest) -> Fields:
    """Serve ``/voz/status-agendamento``: the reply to the call at its scheduled time; empty before (assumed)."""
    origin = request.phone("origem", sip=True)
    schedule_id = request.required("agendamentoId")
    found = [
        record
        for record in account.store.calls.values()
        if record.schedule_id == schedule_id and record.origin == origin
    ]
    if not found:
        raise ApiError.not_found()
    record = found[0]
    if account.now() < record.starts_at:
        return {"retorno": {}}
    return {"retorno": envelope("voz", "chamar", msg=CALL_ACCEPTED, callerid=record.callerid)}


def _pair(request: ApiRequest) -> tuple[str, str]:
    origin = request.phone("origem", sip=True)
    destination = request.phone("destino", sip=True)
    request.log_numbers(origin, destination)
    return origin, destination


def _calls_of(account: Account, pair: tuple[str, str]) -> list[CallRecord]:
    return [record for record in account.store.calls.values() if (record.origin, record.destination) == pair]


def _live(account: Account, records: list[CallRecord]) -> list[CallRecord]:
    return [record for record in records if call_phase(record, account.lifecycle_time(record.starts_at)) in LIVE_CALL]


def _required(live: list[CallRecord]) -> list[CallRecord]:
    if not live:
        raise ApiError("003", "Chamada nao esta ativa")
    return live


def _with_blanks(number: str) -> str:
    # As in the vendor's example, with a leading blank and a double one.
    return f" {number[:2]} {number[2:4]}  {number[4:-4]} {number[-4:]}"
