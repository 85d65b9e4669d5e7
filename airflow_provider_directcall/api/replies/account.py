"""Token, cipher, and the carrier of a number."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Self

from airflow_provider_directcall.api.replies.envelope import Json, Reply, UnreadableError
from airflow_provider_directcall.api.replies.values import date_or_none, text_or_none

#: Life of a token without readable claims: one hour (observed).
DEFAULT_TOKEN_LIFE_SECONDS = 3600.0
#: Some endpoints take the token in the URL, which a longer one would not fit into.
_TOKEN: Final = re.compile(r"[!-~]{1,16000}")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token.

    :ivar value: the token; never in ``repr``.
    :ivar life_seconds: seconds from its issue to its expiry.
    """

    value: str = field(repr=False)
    life_seconds: float

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the token; the reply to a wrong secret, ``"access_token": false``, is an auth error before this."""
        value = reply.require("access_token")
        if not isinstance(value, str):
            raise UnreadableError("field 'access_token' is not a text")
        value = value.strip()
        if not _TOKEN.fullmatch(value):
            raise UnreadableError("field 'access_token' cannot be a token")
        return cls(value=value, life_seconds=_life_seconds(value))


def _life_seconds(token: str) -> float:
    """Return ``exp - iat`` of a JWT, which does not depend on our clock; an hour for any other token."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        life = float(claims["exp"]) - float(claims["iat"])
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return DEFAULT_TOKEN_LIFE_SECONDS
    return life if 0 < life < float("inf") else DEFAULT_TOKEN_LIFE_SECONDS


@dataclass(frozen=True, slots=True)
class Cipher:
    """A key for the vendor's browser plug-in (``cipher``); it does not expire.

    :ivar value: the key; never in ``repr``.
    """

    value: str = field(repr=False)

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the reply."""
        value = text_or_none(reply.require("cipher"))
        if value is None:
            raise UnreadableError("field 'cipher' is not a text")
        return cls(value=value)


@dataclass(frozen=True, slots=True)
class Carrier:
    """The carrier of a number.

    :ivar number: the number without country code (``NUMERO``).
    :ivar current: name of its carrier today (``OPERADORA_ATUAL``).
    :ivar original: name of its first carrier (``OPERADORA_ORIGEM``).
    :ivar code: carrier code, three digits (``CODE_OPR``).
    :ivar ported_on: date of the last port (``DATA_MIGRACAO``); None when never ported or no date, see ``raw``.
    :ivar raw: the vendor's fields.
    """

    number: str | None = field(repr=False)
    current: str | None
    original: str | None
    code: str | None
    ported_on: date | None
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the flat object of ``/portabilidade/consultar``."""
        reply.require("OPERADORA_ATUAL")
        fields = reply.fields
        return cls(
            number=text_or_none(fields.get("NUMERO")),
            current=text_or_none(fields.get("OPERADORA_ATUAL")),
            original=text_or_none(fields.get("OPERADORA_ORIGEM")),
            code=text_or_none(fields.get("CODE_OPR")),
            ported_on=date_or_none(fields.get("DATA_MIGRACAO")),
            raw=fields,
        )
