"""Endpoint of the carrier of a number: ``/portabilidade/...``. The carriers are invented."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.replies import ApiReply
from airflow_provider_directcall.sandbox.requests import invalid

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.requests import ApiRequest

CARRIERS: Final = (("Operadora Azul", "901"), ("Operadora Verde", "902"), ("Operadora Roxa", "903"))
MIGRATED_ON: Final = "2023-05-10"


def look_up(account: Account, request: ApiRequest) -> ApiReply:
    """Serve ``/portabilidade/consultar``: a flat object.

    Numbers that end in an odd digit were ported; the form of the date is assumed.
    """
    digits = request.required("numero")
    if not re.fullmatch(r"(?:55)?[0-9]{10,11}", digits):
        raise invalid("numero")
    number = digits[2:] if len(digits) > 11 else digits
    request.log_numbers(number)
    first = int(number[-2]) % len(CARRIERS)
    ported = int(number[-1]) % 2 == 1
    present = (first + 1) % len(CARRIERS) if ported else first
    return ApiReply(
        {
            "OPERADORA_ORIGEM": CARRIERS[first][0],
            "NUMERO": number,
            "OPERADORA_ATUAL": CARRIERS[present][0],
            "CODE_OPR": CARRIERS[present][1],
            "DATA_MIGRACAO": MIGRATED_ON if ported else "",
        }
    )
