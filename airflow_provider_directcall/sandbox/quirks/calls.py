"""Quirks of ``/voz/status``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.quirks.kinds import Quirk
from airflow_provider_directcall.sandbox.replies import ApiError

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.replies import Fields, Json


def _refuse(ended: list[Json], error: ApiError) -> Fields:
    raise ApiError(error.codigo, error.msg)


CALLS: Final[dict[str, Quirk]] = {
    "idle_004": Quirk(
        "/voz/status without a live call is the refusal 004",
        idle=partial(_refuse, error=ApiError("004", "A chamada nao foi encerrada")),
    ),
    "idle_009": Quirk(
        "/voz/status without a live call is the refusal 009",
        idle=partial(_refuse, error=ApiError("009", 'Codigo do campo "" nao existe')),
    ),
    "idle_010": Quirk(
        "/voz/status without a live call is the refusal 010", idle=partial(_refuse, error=ApiError.not_found())
    ),
    "idle_empty": Quirk("/voz/status without a live call is an empty list", idle=lambda ended: {"msg": []}),
    "idle_ended": Quirk("/voz/status without a live call lists the ended ones", idle=lambda ended: {"msg": ended}),
    "answered_forever": Quirk("/voz/status shows every call that began as atendida, for ever"),
}
