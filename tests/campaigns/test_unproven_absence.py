"""Answers and statements in forms that prove nothing: a contact is unknown then, never sent to twice, never lost."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress

import pytest

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.sandbox.answers import Answer, change_json
from airflow_provider_directcall.sandbox.endpoints import statement
from airflow_provider_directcall.sandbox.faults import FAULT_KINDS, FaultKind, _after, _answers

from .sending_world import FailingFolder, Killed, SendingWorld, numbers


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    return SendingWorld(directcall_sandbox, tmp_path / "campaign")


@pytest.fixture
def hide(monkeypatch):
    """Return a function that hides messages from the statement."""
    listed = statement._listed

    def hide_those(is_hidden):
        monkeypatch.setattr(statement, "_listed", lambda *args: listed(*args) and not is_hidden(*args))

    return hide_those


def is_not_the_first_of_its_request(account, message) -> bool:
    rows = (each for each in account.store.messages.values() if each.callerid == message.callerid)
    first = next(rows, message)
    return first.message_id != message.message_id


def most(world) -> int:
    return max(world.reached().values(), default=0)


# One row for all recipients of a request


@pytest.mark.parametrize(("accepted_before", "quirk"), [(0, None), (3, None), (3, "tags_lost")])
async def test_a_request_with_one_row_for_all_is_sent_to_nobody_again(world, hide, accepted_before, quirk):
    hide(is_not_the_first_of_its_request)
    world.server.configure(quirks=frozenset(filter(None, [quirk])))
    world.planned(numbers(accepted_before + 3), text=lambda place: "Ola")
    world.server.inject(Fault(kind="cut_after", endpoint="sms/send", after=accepted_before // 3, times=1))
    outcome = await world.send(recipients_per_request=3)
    assert (most(world), outcome.waiting, outcome.stopped) == (1, 0, None)
    assert outcome.states["unknown"] >= 2
    assert sum(outcome.states.values()) == world.reached().total() == accepted_before + 3
    assert (await world.send(recipients_per_request=3)).states == outcome.states


@pytest.mark.parametrize("write", [3, 5])
async def test_nor_by_the_next_try_of_a_killed_task(world, hide, write):
    hide(is_not_the_first_of_its_request)
    world.planned(numbers(6), text=lambda place: "Ola")
    world.server.inject(Fault(kind="cut_after", endpoint="sms/send", after=1, times=1))
    with suppress(Killed):
        await world.send(folder=FailingFolder(world.path, at=write, after=True), recipients_per_request=3)
    outcome = await world.send(recipients_per_request=3)
    assert (most(world), sum(outcome.states.values())) == (1, 6)


async def test_where_each_recipient_has_a_row_those_without_one_get_their_message(world):
    world.planned(numbers(9), text=lambda place: "Ola")
    world.server.inject(
        Fault(kind="cut_after", endpoint="sms/send", times=1),
        Fault(kind="cut_before", endpoint="sms/send", after=1, times=1),
    )
    outcome = await world.send(recipients_per_request=3, concurrency=1)
    assert (outcome.states, world.reached()) == ({"sent": 9}, Counter(numbers(9)))


# A listing that is cut without a sign


@pytest.mark.parametrize("same", [True, False], ids=["one text", "personal"])
async def test_a_listing_without_rows_of_accepted_requests_proves_no_absence(world, hide, same):
    hide(lambda account, message: message.destination > "5511980000004")
    world.planned(numbers(9), text=lambda place: "Ola" if same else f"Ola {place}")
    world.server.inject(Fault(kind="cut_after", endpoint="sms/send", after=0 if same else 5, times=1))
    outcome = await world.send(concurrency=1)
    assert (most(world), outcome.waiting, outcome.stopped) == (1, 0, None)
    assert outcome.states.get("unknown")


# Answers


def in_another_order_without_numbers(body):
    entries = [{name: item for name, item in each.items() if name != "destino"} for each in body["detalhe"]]
    return {**body, "destino": None, "detalhe": [*reversed(entries)]}


async def test_answers_without_numbers_beside_a_refusal_name_no_contact(world, monkeypatch):
    changed = FaultKind("", change=lambda reply, context: change_json(reply, in_another_order_without_numbers))
    monkeypatch.setitem(FAULT_KINDS, "unnamed", changed)
    phones = [*numbers(3), "5511990000404"]
    world.planned(phones, text=lambda place: "Ola")
    world.server.inject(Fault(kind="unnamed", endpoint="sms/send", times=1))
    outcome = await world.send()
    assert (outcome.states, world.reached()) == ({"sent": 3, "refused": 1}, Counter(phones[:3]))
    assert world.results()["c4"].progress == "refused"


@pytest.mark.parametrize(
    ("options", "arrives"), [({}, True), ({"recipients_per_request": 1}, True), ({"recipients_per_request": 1}, False)]
)
async def test_a_charging_problem_may_come_after_the_message(world, monkeypatch, options, arrives):
    body = json.dumps({"api": "sms", "modulo": "enviar", "status": "erro", "codigo": "100", "msg": "Erro"})
    hook = _answers(Answer("", 200, lambda context: body))
    kind = FaultKind("", after=_after(hook)) if arrives else FaultKind("", before=hook)
    monkeypatch.setitem(FAULT_KINDS, "charging", kind)
    world.planned(numbers(3), text=lambda place: "Ola")
    world.server.inject(Fault(kind="charging", endpoint="sms/send", times=1))
    outcome = await world.send(concurrency=1, **options)
    sent = 3 if arrives else 2 if options else 0
    states = {"sent": sent, "refused": 3 - sent}
    assert outcome.states == {state: count for state, count in states.items() if count}
    assert (world.reached().total(), world.requests("sms/send")) == (sent, 3 if options else 1)


async def test_a_call_with_a_charging_problem_is_looked_for(world, monkeypatch):
    body = json.dumps({"api": "voz", "modulo": "chamar", "status": "erro", "codigo": "100", "msg": "Erro"})
    monkeypatch.setitem(FAULT_KINDS, "charging", FaultKind("", after=_after(_answers(Answer("", 200, lambda _: body)))))
    world.planned(numbers(2))
    world.server.inject(Fault(kind="charging", endpoint="voz/call", times=1))
    outcome = await world.send(channel=Channel.CALL)
    assert (outcome.states, world.reached()) == ({"sent": 2}, Counter(numbers(2)))
