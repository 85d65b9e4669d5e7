"""Single sends made from the rows of the matrix, and the arguments of their tasks."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, zip_longest
from typing import Final

from airflow_provider_directcall.telephony.areas import AREAS
from tools.faults.matrix import SETTLE_SECONDS
from tools.faults.rows import Kind, Row, Way

#: The account's numbers, one for each write of a rule.
DIDS: Final = tuple(f"11300{number:05}" for number in range(400))
FORWARD_TO: Final = "5511990000077"
#: The priority of the rule; the sandbox's default rule has another.
RULE_PRIORITY: Final = 7
_AREA_CODES: Final = tuple(AREAS)


@dataclass(frozen=True, slots=True)
class Case:
    """One send.

    :ivar row: the fault that it meets.
    :ivar name: the value of its tag ``case``; for a rule, the number (DID).
    :ivar map_index: the index among the mapped tasks of its kind.
    """

    row: Row
    name: str
    kind: Kind
    way: Way
    map_index: int


def cases_of(
    rows: Iterable[Row], sends: int, seed: int, *, by: str, among_ways: Collection[Way] = tuple(Way)
) -> list[Case]:
    """Return the sends of a batch: every kind in every way of each row in turn, in an order seeded by ``seed``.

    :param sends: the number of sends for each row.
    :param seed: part of the names too, so that a late request of one batch is not attributed to the next.
    :param by: the sender, ``ours`` or ``baseline``; part of the names.
    :param among_ways: the permitted ways.
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
    """Return each kind in each way, alternating kinds, so that few sends cover all kinds."""
    dice = random.Random(f"{seed} {row.name}")
    turns: dict[Kind, Sequence[Way]] = {
        kind: dice.sample(ways, len(ways)) for kind in row.kinds if kind is not Kind.RULE
    }
    if Kind.RULE in row.kinds:
        turns[Kind.RULE] = [Way.WORKER]
    rounds = zip_longest(*([(kind, way) for way in order] for kind, order in turns.items()))
    return [pair for pairs in rounds for pair in pairs if pair is not None]


def arguments_of_ours(case: Case) -> dict[str, object]:
    """Return the arguments of our operator, as JSON."""
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
    """Return the arguments of the baseline's task, as JSON."""
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
    """Return an invented mobile number; neighbouring cases differ in area, so no two calls share their parties."""
    return f"55{_AREA_CODES[case.map_index % len(_AREA_CODES)]}99000{case.row.number}"


def _connection(row: Row) -> str:
    if not row.without_server:
        return "directcall_default"
    return f"{{{{ 'directcall_without_server' if ti.try_number in {row.without_server} else 'directcall_default' }}}}"


def _did(by: str, place: int) -> str:
    """Return a number for a rule: ours from the start of the list, the baseline's from its end."""
    return DIDS[place] if by == "ours" else DIDS[-1 - place]
