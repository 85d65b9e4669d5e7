"""The 67 Brazilian area codes (DDD): the state and the time zone of each."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Area:
    """One area code (DDD).

    `code` is the two digits, `state` the two letters of the state (UF), `timezone` the IANA zone in which
    most people of the area live. Some areas cross a border: 61 is the Federal District and towns of Goiás
    around it. `state` is then the state with most people.

    A number shows where it was issued, not where its owner is today.
    """

    code: str
    state: str
    timezone: str
    other_timezones: tuple[str, ...] = ()

    @property
    def timezones(self) -> tuple[str, ...]:
        """Every IANA zone in which a number of this area may be, the one with most people first."""
        return (self.timezone, *self.other_timezones)


# One row per zone and state; the codes are those of the state in the national numbering plan.
# Mato Grosso's and Mato Grosso do Sul's legal time is -04, even in eastern border towns that use -03.
# 93 (western Pará) has its own zone in tzdata, America/Santarem, for its time before 2008; since then it
# has been Belém's.
_STATES: tuple[tuple[str, str, str], ...] = (
    ("SP", "America/Sao_Paulo", "11 12 13 14 15 16 17 18 19"),
    ("RJ", "America/Sao_Paulo", "21 22 24"),
    ("ES", "America/Sao_Paulo", "27 28"),
    ("MG", "America/Sao_Paulo", "31 32 33 34 35 37 38"),
    ("PR", "America/Sao_Paulo", "41 42 43 44 45 46"),
    ("SC", "America/Sao_Paulo", "47 48 49"),
    ("RS", "America/Sao_Paulo", "51 53 54 55"),
    ("DF", "America/Sao_Paulo", "61"),
    ("GO", "America/Sao_Paulo", "62 64"),
    ("TO", "America/Araguaina", "63"),
    ("MT", "America/Cuiaba", "65 66"),
    ("MS", "America/Campo_Grande", "67"),
    ("AC", "America/Rio_Branco", "68"),
    ("RO", "America/Porto_Velho", "69"),
    ("BA", "America/Bahia", "71 73 74 75 77"),
    ("SE", "America/Maceio", "79"),
    ("PE", "America/Recife", "81 87"),
    ("AL", "America/Maceio", "82"),
    ("PB", "America/Fortaleza", "83"),
    ("RN", "America/Fortaleza", "84"),
    ("CE", "America/Fortaleza", "85 88"),
    ("PI", "America/Fortaleza", "86 89"),
    ("PA", "America/Belem", "91 93 94"),
    ("AM", "America/Manaus", "92 97"),
    ("RR", "America/Boa_Vista", "95"),
    ("AP", "America/Belem", "96"),
    ("MA", "America/Fortaleza", "98 99"),
)

_OTHER_TIMEZONES: Mapping[str, tuple[str, ...]] = {
    "81": ("America/Noronha",),  # the archipelago of Fernando de Noronha, -02
    "97": ("America/Eirunepe",),  # the far west of Amazonas, -05
}

AREAS: Mapping[str, Area] = MappingProxyType(
    {
        code: Area(code, state, timezone, _OTHER_TIMEZONES.get(code, ()))
        for state, timezone, codes in _STATES
        for code in codes.split()
    }
)
"""Area code (DDD, two digits) -> its `Area`; all 67 codes."""

STATES: frozenset[str] = frozenset(area.state for area in AREAS.values())
"""The two letters of the 26 states and the Federal District."""
