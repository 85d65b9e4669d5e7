"""Calls (``voz``): place, hang up, state, schedule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from airflow_provider_directcall.api.methods.arguments import (
    boolean,
    identifier,
    local_time,
    origin_value,
    tag_params,
)
from airflow_provider_directcall.api.replies import Acknowledgement, CallLeg, PlacedCall, ScheduledCall
from airflow_provider_directcall.api.requests import Request, Value
from airflow_provider_directcall.telephony.numbers import CALLABLE, parse_number

#: Time of a schedule (``cron``): documented for messages, assumed for calls.
SCHEDULE_TIME = "%d-%m-%Y-%H-%M-%S"


def place_call(
    origin: str | None,
    destination: str,
    *,
    record: bool = False,
    tags: Mapping[str, str] | None = None,
    dial_destination_first: bool = False,
    schedule_at: datetime | None = None,
) -> Request[PlacedCall]:
    """Connect two parties by telephone (``/voz/call``): one is called, then the other. Once-only.

    :param origin: the party called first (``origem``; the order is inferred); a Brazilian number, ``ip`` +
        area + number for a number of Directcall's SIP network, or None for the connection's default origin.
    :param destination: the other party (``destino``); the same forms.
    :param record: record the call, at an extra charge (``gravar``).
    :param tags: custom data kept with the call and searchable in the statement (``campos``), texts by name.
    :param dial_destination_first: call the destination before the origin (``inverter_discagem``, observed).
    :param schedule_at: aware datetime at which to dial (``cron``: assumed); None dials at once.
    :raises ValueError: an argument is wrong; nothing was sent.
    """
    called = parse_number(destination, argument="destination", allow=CALLABLE).digits
    params: dict[str, Value] = {
        "origem": origin_value(origin, CALLABLE, destination=called),
        "destino": called,
        "gravar": boolean(record),
    }
    if dial_destination_first:
        params["inverter_discagem"] = boolean(dial_destination_first)
    if schedule_at is not None:
        params["cron"] = local_time("schedule_at", schedule_at, SCHEDULE_TIME)
    return Request("place_call", params | tag_params(tags), PlacedCall.from_reply)


def end_call(origin: str | None, destination: str) -> Request[Acknowledgement]:
    """Hang up the call in progress between two parties (``/voz/end``).

    The vendor finds the call by its two numbers, not by its id.
    Refused with code 003 (not active) or 004 (not ended).
    """
    return Request("end_call", _parties(origin, destination), Acknowledgement.from_reply)


def call_status(origin: str | None, destination: str) -> Request[tuple[CallLeg, ...]]:
    """Return the state of the call in progress between two parties (``/voz/status``), one entry per party."""
    return Request("call_status", _parties(origin, destination), CallLeg.list_from_reply)


def scheduled_call_status(origin: str | None, schedule_id: str) -> Request[ScheduledCall]:
    """Return the state of a scheduled call (``/voz/status-agendamento``, ``agendamentoId``)."""
    params: dict[str, Value] = {
        "origem": origin_value(origin, CALLABLE),
        "agendamentoId": identifier("schedule_id", schedule_id),
    }
    return Request("scheduled_call_status", params, ScheduledCall.from_reply)


def _parties(origin: str | None, destination: str) -> dict[str, Value]:
    return {
        "origem": origin_value(origin, CALLABLE),
        "destino": parse_number(destination, argument="destination", allow=CALLABLE).digits,
    }
