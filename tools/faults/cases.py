"""Single sends made from the rows of the matrix, and the arguments of their tasks."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from types import MappingProxyType
from typing import Final

from airflow_provider_directcall.telephony.areas import AREAS
from tools.faults.dags.reading import TAG_MARK
from tools.faults.matrix import SETTLE_SECONDS
from tools.faults.rows import Kind, Row, Way

#: The account's numbers, one for each write of a rule.
DIDS: Final = tuple(f"11300{number:05}" for number in range(100))
FORWARD_TO: Final = "5511990000077"
#: The priority of the rule; the sandbox's default rule has another.
RULE_PRIORITY: Final = 7
_AREA_CODES: Final = tuple(AREAS)


#: Further recipients of a message.
_FURTHER: Final = tuple(f"551198000{number:04}" for number in range(1, 10))

#: The name of an account's connection.
CONNECTION: Final = "directcall_{:02}"
WITHOUT_SERVER: Final = "directcall_without_server"


@dataclass(frozen=True, slots=True)
class Case:
    """One send.

    :ivar row: the fault that it meets.
    :ivar name: the value of its tag ``case``; for a rule, the number (DID).
    :ivar map_index: the index among the mapped tasks of its kind.
    :ivar account: the number of its account.
    :ivar place: the number of the send within its row.
    :ivar policy: ``on_unknown_outcome``.
    :ivar number: the last four digits of its destination.
    """

    row: Row
    name: str
    kind: Kind
    way: Way
    map_index: int
    account: int = 0
    place: int = 0
    policy: str = "fail"
    number: str = "0001"

    @property
    def may_duplicate(self) -> bool:
        """Whether a second send is right, where nothing has shown the first, and its time has come."""
        return self.row.may_duplicate or (self.policy == "resend" and self.row.due_seconds is None)


def cases_of(
    rows: Sequence[Row],
    sends: int,
    seed: int,
    *,
    by: str,
    among_ways: Collection[Way] = tuple(Way),
    accounts: Mapping[str, int] = MappingProxyType({}),
) -> list[Case]:
    """Return the sends of a batch: every kind in every way of each row in turn, in an order seeded by ``seed``.

    :param sends: the number of sends for each row.
    :param seed: part of the names too, so that a late request of one batch is not attributed to the next.
    :param by: the sender, ``ours`` or ``baseline``; part of the names.
    :param among_ways: the permitted ways.
    :param accounts: the number of the account by the name of a row; 0 for others.
    """
    indexes = dict.fromkeys(Kind, 0)
    cases = []
    for row in rows:
        ways = [way for way in row.ways if way in among_ways]
        account = accounts.get(row.name, 0)
        for place, choice in enumerate(islice(_choices(row, ways, seed), sends)):
            kind, way, policy, number = choice
            index = indexes[kind]
            indexes[kind] += 1
            name = _did(by, place) if kind is Kind.RULE else f"{TAG_MARK}-{by}-{seed}-{kind}-{index}"
            cases.append(Case(row, name, kind, way, index, account, place, policy, number))
    return cases


def _choices(row: Row, ways: Sequence[Way], seed: int) -> Iterator[tuple[Kind, Way, str, str]]:
    """Yield kind, way, policy and number of each send; kinds alternate, so that few sends cover all of them."""
    dice = random.Random(f"{seed} {row.name}")
    orders = {
        kind: (
            [Way.WORKER] if kind is Kind.RULE else dice.sample(ways, len(ways)),
            dice.sample(row.policies, len(row.policies)),
            dice.sample(row.numbers, len(row.numbers)),
        )
        for kind in dice.sample(row.kinds, len(row.kinds))
    }
    for turn in count():
        for kind, (order, policies, numbers) in orders.items():
            # The numbers move on with each round of policies, so that all pairs come up.
            number = numbers[(turn + turn // len(policies)) % len(numbers)]
            yield kind, order[turn % len(order)], policies[turn % len(policies)], number


def arguments_of_ours(case: Case) -> dict[str, object]:
    """Return the arguments of our operator, as JSON."""
    row = case.row
    common: dict[str, object] = {
        "kill_at": [point.value if point is not None else None for point in row.kills],
        "directcall_conn_id": _connection(case),
    }
    if case.kind is Kind.RULE:
        rule = {"action": "forward", "to": FORWARD_TO, "wait_seconds": 20, "priority": RULE_PRIORITY}
        return {**common, "did": case.name, "rule": rule}
    timeout = {} if row.completion_seconds is None else {"completion_timeout": row.completion_seconds}
    waits_as = "wait_for_completion" if case.kind is Kind.CALL else "wait_for_delivery"
    return {
        **common,
        **timeout,
        **_schedule_of(case),
        "destination": [destination_of(case), *_FURTHER[: row.recipients - 1]]
        if row.recipients > 1
        else destination_of(case),
        "tags": {"case": case.name},
        waits_as: case.way.waits,
        "deferrable": case.way.is_deferrable,
        "settle_seconds": SETTLE_SECONDS,
        "on_unknown_outcome": case.policy,
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
        "connection": CONNECTION.format(case.account),
        "without_server": row.without_server,
    }


def destination_of(case: Case) -> str:
    """Return an invented mobile number; sends of a row differ in area, so no two of their calls share their parties."""
    return f"55{_AREA_CODES[case.place % len(_AREA_CODES)]}99000{case.number}"


def _schedule_of(case: Case) -> dict[str, str]:
    if case.row.due_seconds is None:
        return {}
    due_at = datetime.now(UTC) + timedelta(seconds=case.row.due_seconds)
    return {"schedule_at" if case.kind is Kind.CALL else "send_at": due_at.isoformat()}


def _connection(case: Case) -> str:
    account, tries = CONNECTION.format(case.account), case.row.without_server
    return f"{{{{ '{WITHOUT_SERVER}' if ti.try_number in {tries} else '{account}' }}}}" if tries else account


def _did(by: str, place: int) -> str:
    """Return a number for a rule: ours from the start of the list, the baseline's from its end."""
    return DIDS[place] if by == "ours" else DIDS[-1 - place]
