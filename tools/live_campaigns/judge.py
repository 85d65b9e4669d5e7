"""Compare the report of a campaign, contact by contact and in total, with the effects at Directcall."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl

from airflow_provider_directcall.sandbox.sms_parts import charged_parts
from airflow_provider_directcall.sandbox.tariff import SMS_PART, call_price
from tools.live_airflow import JsonObject
from tools.live_campaigns.people import People, Person

#: The state that the report must give to a message, by its phase.
_MESSAGES: Final[Mapping[str, str]] = {"delivered": "delivered", "failed": "failed", "sent": "sent"}
#: The same for calls, by the outcome in the vendor's words.
_CALLS: Final[Mapping[str, str]] = {
    "atendida": "answered",
    "ocupado": "busy",
    "nao atendida": "no_answer",
    "caixa postal": "voicemail",
    "falha": "failed",
}
_WITHOUT_EFFECT: Final = frozenset({"refused", "stopped", "out_of_window"})
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Truth:
    """The effects at Directcall for one number.

    :ivar times: messages, or calls.
    :ivar state: of the last one; None where there is none.
    """

    times: int = 0
    state: str | None = None
    parts: int = 0
    cost_brl: Decimal = Decimal(0)


@dataclass
class Judgement:
    """One campaign.

    :ivar contacts: rows of its file.
    :ivar states: as reported.
    :ivar twice: numbers that were sent to more than once.
    :ivar lost: contacts without exactly one final state, or with one that hides that nothing was sent.
    :ivar wrong: contacts whose state is not the true one.
    :ivar unknown: contacts whose outcome is reported as unknown.
    :ivar differences: totals that differ, in words.
    """

    contacts: int
    states: Counter[str] = field(default_factory=Counter)
    twice: int = 0
    lost: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """All differences, in words."""
        return [*self.differences, *(f"{count} x {text}" for text, count in self.wrong.items())]

    @property
    def is_right(self) -> bool:
        """Whether there is no violation."""
        return not (self.twice or self.lost or self.wrong or self.differences)


def judge(
    people: People, channel: str, results: Path, report: Mapping[str, object], state: Mapping[str, object]
) -> Judgement:
    """Judge one campaign.

    :param results: the Parquet file of its report.
    :param report: the result of its report task.
    :param state: of the sandbox.
    """
    truths = truths_of(channel, state)
    rows = pl.read_parquet(results)
    by_contact: dict[str, list[Mapping[str, object]]] = defaultdict(list)
    for row in rows.iter_rows(named=True):
        by_contact[str(row["contact"])].append(row)
    judgement = Judgement(len(people.rows), Counter(rows.get_column("state").to_list()))
    judgement.twice = twice(truths, people)
    known: list[Truth] = []
    known_rows: list[Mapping[str, object]] = []
    for person in people.rows:
        own = by_contact.pop(person.id, [])
        truth = truths.get(person.number, Truth())
        if len(own) != 1:
            judgement.lost += 1
            continue
        reported = str(own[0]["state"])
        if reported == _UNKNOWN:
            judgement.unknown += 1
            continue
        problem = _problem(person, reported, truth)
        if problem is not None:
            judgement.wrong[problem] += 1
            judgement.lost += truth.times == 0 and reported not in _WITHOUT_EFFECT and person.planned is None
        if person.planned is None:
            known.append(truth)
            known_rows.append(own[0])
    if by_contact:
        judgement.differences.append(f"{len(by_contact)} rows of the report are of no contact")
    judgement.differences += _differences(judgement, report, known, known_rows)
    return judgement


def truths_of(channel: str, state: Mapping[str, object]) -> dict[str, Truth]:
    """Return the effects at Directcall, by the digits of the number."""
    of_number: dict[str, list[JsonObject]] = defaultdict(list)
    records = state["calls" if channel == "call" else "messages"]
    assert isinstance(records, list)
    for record in records:
        of_number[str(record["destination"])].append(record)
    read = _call if channel == "call" else _message
    return {number: read(of) for number, of in of_number.items()}


def twice(truths: Mapping[str, Truth], people: People) -> int:
    """Return how many numbers of a campaign were sent to more than once."""
    numbers = {person.number for person in people.rows}
    return sum(truth.times > 1 for number, truth in truths.items() if number in numbers)


def _message(messages: list[JsonObject]) -> Truth:
    last = messages[-1]
    state = _MESSAGES.get(str(last["phase"]), str(last["phase"]))
    parts = sum(charged_parts(str(each["text"]), str(each["origin"]), "characters") for each in messages)
    cost = Decimal(0) if state == "failed" else SMS_PART * parts
    return Truth(len(messages), state, parts, cost)


def _call(calls: list[JsonObject]) -> Truth:
    last = calls[-1]
    prices = [
        call_price(str(each["destination"]), float(str(each["talk_seconds"])), recorded=bool(each["recorded"]))
        for each in calls
    ]
    return Truth(len(calls), _CALLS.get(str(last["outcome"])), len(calls), sum(prices, Decimal(0)))


def _problem(person: Person, reported: str, truth: Truth) -> str | None:
    """Return how a contact's state contradicts the effects, or None."""
    if person.planned is not None:
        # The number of a duplicate is that of a contact who was sent to.
        is_right = reported == person.planned and (truth.times == 0 or person.planned == "duplicate")
        return None if is_right else f"{reported}, planned {person.planned}, {truth.times} effects"
    if reported in _WITHOUT_EFFECT:
        return None if truth.times == 0 else f"{reported}, {truth.times} effects"
    return None if (truth.times, truth.state) == (1, reported) else f"{reported}, in truth {truth.state}"


def _differences(
    judgement: Judgement,
    report: Mapping[str, object],
    known: Collection[Truth],
    rows: Iterable[Mapping[str, object]],
) -> Iterable[str]:
    """Yield the totals that differ: of the report task against the rows, and of the rows against Directcall."""
    if report.get("states") != dict(judgement.states) or report.get("contacts") != judgement.contacts:
        yield f"the report's totals {report.get('contacts')}, {report.get('states')} are not those of its rows"
    rows = list(rows)
    parts, true_parts = sum(int(str(row["parts"])) for row in rows), sum(truth.parts for truth in known)
    if parts != true_parts:
        yield f"{parts} parts are reported, {true_parts} were sent"
    cost = sum((Decimal(str(row["cost_brl"])) for row in rows if row["cost_brl"] is not None), Decimal(0))
    true_cost = sum((truth.cost_brl for truth in known), Decimal(0))
    if cost != true_cost:
        yield f"{cost} BRL are reported, {true_cost} are billed"
