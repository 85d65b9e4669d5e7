"""Decisions that the state machine of :mod:`.test_any_order` leaves open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_directcall.delivery.decisions import (
    LOST_TRY,
    Attempt,
    DeliveryDecisions,
    OnUnknownOutcome,
    Reconciling,
    Send,
    Sent,
)
from airflow_provider_directcall.delivery.keys import TaskIdentity, delivery_key
from airflow_provider_directcall.delivery.reconciling import Verdict, VerdictKind
from airflow_provider_directcall.delivery.record import Phase

from .directcall import BEGIN

IDENTITY = TaskIdentity("dag", "run", "task")
SENT = {"phase": Phase.SENT, "ids": {"callerid": "c"}}


def decisions(*, remembers=True):
    attempt = Attempt(number=2, max_tries=3, retries=3, remembers=remembers, run_since=BEGIN)
    return DeliveryDecisions(IDENTITY, attempt, OnUnknownOutcome.RESEND)


@pytest.mark.parametrize("kind", VerdictKind)
@pytest.mark.parametrize("later", [0, 1])
def test_reconciled_goes_on_with_what_another_live_try_has_sent(kind, later):
    record = replace(decisions().first_record(), phase=Phase.SENDING, sends=1)
    meanwhile = replace(record, **SENT, generation=record.generation + later, max_tries=0)
    decision = decisions().reconciled(record, Verdict(kind, ids={"callerid": "d"}), meanwhile)
    assert decision == Sent(replace(meanwhile, max_tries=3), found=True)


def test_reconciled_passes_over_an_earlier_generation():
    record = replace(decisions().first_record(), phase=Phase.SENDING, sends=1)
    meanwhile = replace(record, **SENT, generation=record.generation - 1)
    assert decisions().reconciled(record, Verdict(VerdictKind.ABSENT), meanwhile) == Send(record)


def test_next_generation_without_store_reconciles_first():
    record = decisions(remembers=False).first_record()
    decision = decisions(remembers=False).next_generation(record)
    following = replace(record, generation=1, key=delivery_key(IDENTITY, 1))
    assert decision == Reconciling(following, LOST_TRY)


@pytest.mark.parametrize(("generation", "following"), [(0, 1), (3, 4)])
def test_next_generation_with_a_store_is_the_next_number_at_least(generation, following):
    record = replace(decisions().first_record(), generation=generation)
    decision = decisions().next_generation(record)
    assert isinstance(decision, Send)
    assert decision.record.generation == following
    assert decision.record.key == delivery_key(IDENTITY, following)
