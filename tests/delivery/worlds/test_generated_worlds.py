"""Any combination of quirks, losses, kills and Clears: never twice, never silently lost, no foreign result.

``DIRECTCALL_WORLDS=20000`` sets the number of worlds.
"""

from __future__ import annotations

import os
from typing import Final

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome
from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.sandbox.quirks import CALLS, FORMS, SEND_ANSWERS, STATEMENT
from airflow_provider_directcall.statement.calls import CallIdentity

from .journey import Journey
from .promises import Violation
from .world import SETTLE_SECONDS, Other, World

pytestmark = pytest.mark.long

WORLDS: Final = int(os.environ.get("DIRECTCALL_WORLDS", "400"))
#: Without a number of worlds, always the same ones: a change fails for its own mistakes only.
SETTINGS: Final = settings(
    derandomize="DIRECTCALL_WORLDS" not in os.environ, deadline=None, suppress_health_check=list(HealthCheck)
)
#: A long answered call, a short one, busy, no answer.
NUMBERS: Final = ("5511990000001", "5511990000104", "5511990000600", "5511990000486", "5511990000480")
#: Further recipients: an SMS is delivered, is not delivered, is never confirmed, is refused.
FURTHER: Final = ("5521990000001", "5521990000410", "5521990000202", "5521990000404")
#: An answer lost after the effect is the hard case, so it is more frequent.
FATES: Final = ("lost after", "lost before", "lost after", "answered")
OTHER_TAGS: Final = (
    (),
    (("customer", "7"),),
    (("customer", "8"),),
    ((KEY_TAG, "abcdefghijklmnop"),),
    ((KEY_TAG, "abcdefghijklmnop"), ("customer", "7")),
)

others = st.builds(
    Other, seconds=st.sampled_from([-1, 30, 200, 1800, 7200]), to_ours=st.booleans(), tags=st.sampled_from(OTHER_TAGS)
)
quirks = st.one_of(
    st.sampled_from(sorted(STATEMENT)),
    st.sampled_from(sorted(STATEMENT)),
    st.sampled_from(sorted(CALLS)),
    st.sampled_from(sorted(SEND_ANSWERS)),
    st.sampled_from(sorted(FORMS)),
)
world_parts = {
    "kind": st.sampled_from(["call", "call", "SMS", "voice message"]),
    "number": st.sampled_from(NUMBERS),
    "more_numbers": st.one_of(st.just(()), st.lists(st.sampled_from(FURTHER), max_size=2, unique=True).map(tuple)),
    "hours_ahead": st.sampled_from([0, 0, 0, 3]),
    "quirks": st.frozensets(quirks, max_size=3),
    "fates": st.lists(st.sampled_from(FATES), max_size=3).map(tuple),
    "kills": st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from(["before write", "after write", "after request", "pause"])),
        max_size=2,
    ).map(tuple),
    "time_limits": st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5)), max_size=1).map(tuple),
    "dead_triggers": st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=1).map(tuple),
    "policy": st.sampled_from(OnUnknownOutcome),
    "retries": st.integers(0, 3),
    "clears": st.integers(0, 2),
    "clear_after": st.sampled_from([SETTLE_SECONDS, 4 * 3600.0]),
    "waits": st.booleans(),
    "remembers": st.booleans(),
    "forgets_on_clear": st.booleans(),
    "has_history": st.sampled_from([True, True, True, False]),
    "others": st.lists(others, max_size=2).map(tuple),
    "statement_delay": st.sampled_from([0.0, 5.0, 100.0]),
    "has_statement": st.sampled_from([True] * 7 + [False]),
    "outage_seconds": st.sampled_from([0, 0, 90, 4000]),
}
worlds = st.builds(World, **world_parts)
#: The account's forms are those that the documentation shows, and its statement answers.
plain_worlds = st.builds(
    World,
    **world_parts
    | {
        "quirks": st.just(frozenset()),
        "has_history": st.just(True),
        "others": st.just(()),
        "outage_seconds": st.sampled_from([0, 90]),
        "has_statement": st.just(True),
        "hours_ahead": st.just(0),
        "time_limits": st.just(()),
        "dead_triggers": st.just(()),
    },
)

#: Counterexamples that were found on the way, each with what it showed.
FOUND: Final = (
    # A key in upper case was another's: "surely absent".
    World(kind="SMS", quirks=frozenset({"tag_values_upper"}), fates=("lost after",), retries=0),
    # A key under a tag's name in upper case was not recognised, so the call was placed again.
    World(
        quirks=frozenset({"tag_names_upper"}),
        fates=("lost after", "lost after"),
        kills=((1, "before write"),),
        remembers=False,
    ),
    # A row with our key that vanished was forgotten after a Clear.
    World(
        kind="SMS",
        quirks=frozenset({"rows_vanish", "times_1_behind"}),
        policy=OnUnknownOutcome.RESEND,
        kills=((2, "after request"),),
        clears=2,
    ),
    # Another system's earlier call without tags was taken for ours.
    World(
        number="5511990000486",
        quirks=frozenset({"tag_filter_ignored", "tag_names_cut", "json_codigo_504_after"}),
        kills=((2, "after write"),),
        clears=2,
        others=(Other(1800, to_ours=True, tags=()),),
    ),
    # The key was seen, and the time limit came before the verdict: "resend" sent again.
    World(
        kind="SMS",
        quirks=frozenset({"times_2_behind"}),
        fates=("lost after",),
        policy=OnUnknownOutcome.RESEND,
        retries=0,
        time_limits=((1, 3),),
    ),
    # The statement did not answer before the message was due: "resend" sent again.
    World(
        kind="SMS",
        hours_ahead=3,
        fates=("lost after",),
        policy=OnUnknownOutcome.RESEND,
        retries=0,
        has_statement=False,
    ),
    # Without an answer of the statement, a call in progress was not known: "resend" called again.
    World(
        number="5511990000600", fates=("lost after",), policy=OnUnknownOutcome.RESEND, retries=0, has_statement=False
    ),
    # Nothing said whether a call was in progress, neither statement nor ``/voz/status``: "resend" called again.
    World(
        number="5511990000600",
        fates=("lost after",),
        policy=OnUnknownOutcome.RESEND,
        retries=0,
        others=(Other(30, to_ours=False, tags=()),),
        outage_seconds=4000,
    ),
    # A Clear of an unknown call whose time is past: nothing was sent since, and the error says no more.
    World(
        hours_ahead=3, quirks=frozenset({"tags_lost"}), fates=("lost after",), retries=0, clears=1, clear_after=14400
    ),
)


def also_those_found(test):
    """Run a test with every counterexample too."""
    for world in FOUND:
        test = example(world=world)(test)
    return test


@also_those_found
@given(world=worlds)
@settings(SETTINGS, max_examples=WORLDS)
def test_the_promises_hold_in_every_world(world):
    Journey(world).run()


@given(world=plain_worlds)
@settings(SETTINGS, max_examples=WORLDS // 4)
def test_nothing_stays_unknown_where_the_account_answers_in_the_documented_forms(world):
    assert not {"unknown", "held"} & set(Journey(world).run())


@pytest.mark.parametrize("kind", ["call", "SMS"])
def test_the_checks_detect_a_foreign_result_without_an_id(kind, monkeypatch):
    """Rows without ids, and a client that takes any row for its own."""
    monkeypatch.setattr(CallIdentity, "matches", lambda self, row: True)
    quirks = frozenset({"callerid_missing", "tag_filter_ignored"})
    other = Other(30, to_ours=True, tags=())
    with pytest.raises(Violation, match="ended as"):
        Journey(World(kind=kind, number="5511990000486", quirks=quirks, fates=("lost after",), others=(other,))).run()
