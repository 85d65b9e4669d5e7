"""From a row of the matrix to single sends: who gets what, how, and what Airflow is told of it."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, zip_longest
from typing import Final

from airflow_provider_directcall.telephony.areas import AREAS
from tools.faults.matrix import SETTLE_SECONDS
from tools.faults.rows import Kind, Row, Way

#: The account's numbers: each write of a rule has one of its own.
DIDS: Final = tuple(f"11300{number:05}" for number in range(400))
FORWARD_TO: Final = "5511990000077"
#: Place in the order of a number's rules; the sandbox furnishes one rule of another priority.
RULE_PRIORITY: Final = 7
_AREA_CODES: Final = tuple(AREAS)


@dataclass(frozen=True, slots=True)
class Case:
    """One send.

    :ivar row: the fault that it meets.
    :ivar name: the value of its tag ``case``; for a rule, the number (DID) it is written for.
    :ivar map_index: which of the mapped tasks of its kind it is.
    """

    row: Row
    name: str
    kind: Kind
    way: Way
    map_index: int


def cases_of(
    rows: Iterable[Row], sends: int, seed: int, *, by: str, among_ways: Collection[Way] = tuple(Way)
) -> list[Case]:
    """The sends of a batch: of each row every kind in every way in turn, in an order that the seed decides.

    :param sends: how many of each row.
    :param seed: part of the names too: no late request of one batch is taken for one of the next.
    :param by: who sends, ``ours`` or ``baseline``; part of the names.
    :param among_ways: the only ways to be taken.
    """
    places = dict.fromkeys(Kind, 0)
    cases = []
    for row in rows:
        ways = [way for way in row.ways if way in among_ways]
        for kind, way in islice(cycle(_combinations(row, ways, seed)), sends):
            place = places[kind]
            places[kind] += 1
            name = _did(by, place) if kind is Kind.RULE else f"{by}-{seed}-{kind}-{place}"
            cases.append(Case(row, name, kind, way, place))
    return cases


def _combinations(row: Row, ways: Sequence[Way], seed: int) -> list[tuple[Kind, Way]]:
    """Each kind in each way, the kinds taking turns, so that few sends have all kinds."""
    dice = random.Random(f"{seed} {row.name}")
    turns: dict[Kind, Sequence[Way]] = {
        kind: dice.sample(ways, len(ways)) for kind in row.kinds if kind is not Kind.RULE
    }
    if Kind.RULE in row.kinds:
        turns[Kind.RULE] = [Way.WORKER]
    rounds = zip_longest(*([(kind, way) for way in order] for kind, order in turns.items()))
    return [pair for pairs in rounds for pair in pairs if pair is not None]


def arguments_of_ours(case: Case) -> dict[str, object]:
    """Arguments of one of our operators, as JSON."""
    row = case.row
    common: dict[str, object] = {
        "kill_at": [point.value if point is not None else None for point in row.kills],
        "directcall_conn_id": _connection(row),
    }
    if case.kind is Kind.RULE:
        rule = {"action": "forward", "to": FORWARD_TO, "wait_seconds": 20, "priority": RULE_PRIORITY}
        return {**common, "did": case.name, "rule": rule}
    waits_as = "wait_for_completion" if case.kind is Kind.CALL else "wait_for_delivery"
    return {
        **common,
        "destination": destination_of(case),
        "tags": {"case": case.name},
        waits_as: case.way.waits,
        "deferrable": case.way.is_deferrable,
        "settle_seconds": SETTLE_SECONDS,
        "on_unknown_outcome": row.policy,
    }


def arguments_of_baseline(case: Case) -> dict[str, object]:
    """The same for what an author would write."""
    row = case.row
    return {
        "kind": case.kind.value,
        "case": case.name,
        "destination": destination_of(case),
        "waits": case.way.waits,
        "kill_at": [point.value if point is not None else None for point in row.kills],
        "without_server": row.without_server,
    }


def destination_of(case: Case) -> str:
    """An invented mobile number, in another area than its neighbours': calls of two cases are between other parties."""
    return f"55{_AREA_CODES[case.map_index % len(_AREA_CODES)]}99000{case.row.number}"


def _connection(row: Row) -> str:
    if not row.without_server:
        return "directcall_default"
    return f"{{{{ 'directcall_nobody' if ti.try_number in {row.without_server} else 'directcall_default' }}}}"


def _did(by: str, place: int) -> str:
    """Ours are counted from the one end, the baseline's from the other."""
    return DIDS[place] if by == "ours" else DIDS[-1 - place]
