from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.campaigns.voice import (
    Again,
    AttemptRules,
    CallAttempt,
    attempt_key,
    attempt_name,
    attempts_made,
    due_attempts,
)
from airflow_provider_directcall.delivery.keys import member_key
from airflow_provider_directcall.telephony.areas import AREAS
from airflow_provider_directcall.telephony.windows import PRESETS

KEY = "abcdefghijklmnop"
NOON = datetime(2026, 3, 4, 15, tzinfo=UTC)
BUSY = AttemptRules(by_outcome={"busy": Again(after=10, at_most=3)})


def attempt(outcome="busy", *, contact="c1", number="5511990000001", made=1, since=NOON):
    return CallAttempt(contact, number, made, since, outcome)


def test_a_busy_contact_is_called_again_after_the_pause_with_a_key_of_its_own():
    (due,) = due_attempts([attempt()], BUSY, key=KEY, now=NOON)
    assert (due.contact, due.attempt, due.at) == ("c1", 2, NOON + timedelta(minutes=10))
    assert due.key == member_key(attempt_key(KEY, 2), "c1") != member_key(KEY, "c1")


@pytest.mark.parametrize("outcome", ["answered", "no_answer", "refused", None])
def test_other_outcomes_and_calls_that_are_not_over_are_not_followed_by_another(outcome):
    assert due_attempts([attempt(outcome)], BUSY, key=KEY, now=NOON) == []


def test_a_contact_is_called_so_often_at_most():
    assert [len(due_attempts([attempt(made=made)], BUSY, key=KEY, now=NOON)) for made in (1, 2, 3, 4)] == [1, 1, 0, 0]


def test_a_number_is_called_so_often_at_most_over_contacts():
    pair = [attempt(contact="c1"), attempt(contact="c2")]
    assert [due.contact for due in due_attempts(pair, BUSY, key=KEY, now=NOON)] == ["c1"]


def test_after_the_calls_to_a_number_the_next_one_is_called():
    last = CallAttempt("c1", "5511990000001", 3, NOON, "busy", further=["5511990000002", "5511990000003"])
    (due,) = due_attempts([last], BUSY, key=KEY, now=NOON)
    assert (due.attempt, due.place) == (4, 1)
    on_second = CallAttempt(
        "c1", "5511990000002", 4, NOON, "busy", further=["5511990000003"], place=1, called={"5511990000002": 1}
    )
    assert [each.place for each in due_attempts([on_second], BUSY, key=KEY, now=NOON)] == [1]
    assert (
        due_attempts(
            [CallAttempt("c1", "5511990000001", 3, NOON, "failed", further=["5511990000002"])], BUSY, key=KEY, now=NOON
        )
        == []
    )


def test_a_pause_that_ends_in_the_evening_is_followed_by_a_call_on_the_next_morning():
    rules = AttemptRules(by_outcome={"busy": Again(after=timedelta(minutes=1))}, window=PRESETS["strict"])
    evening = datetime(2026, 3, 4, 20, 59, 30, tzinfo=UTC)  # 17:59:30 in São Paulo
    (due,) = due_attempts([attempt(since=evening)], rules, key=KEY, now=evening)
    assert due.at == datetime(2026, 3, 5, 12, tzinfo=UTC)
    rules = AttemptRules(by_outcome=rules.by_outcome, window=rules.window, waits=False)
    assert due_attempts([attempt(since=evening)], rules, key=KEY, now=evening) == []


def test_a_contact_s_own_zone_and_end_count():
    rules = AttemptRules(by_outcome={"busy": Again(after=timedelta(minutes=1))}, window=PRESETS["strict"])
    morning = datetime(2026, 3, 4, 12, tzinfo=UTC)  # 9:00 in São Paulo, 7:00 in Rio Branco
    last = CallAttempt("c1", "5511990000001", 1, morning, "busy", zone="AC")
    (due,) = due_attempts([last], rules, key=KEY, now=morning)
    assert due.at == datetime(2026, 3, 4, 14, tzinfo=UTC)
    assert due_attempts([replace(last, not_after=due.at)], rules, key=KEY, now=morning) == []


def test_a_number_whose_zone_is_unknown_is_not_called_again_within_a_window():
    rules = AttemptRules(by_outcome=BUSY.by_outcome, window=PRESETS["strict"])
    assert due_attempts([attempt(number="0012125550100")], rules, key=KEY, now=NOON) == []


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Again(after=0), "after: a time above 0"),
        (lambda: Again(after=timedelta(minutes=-1)), "after: a time above 0"),
        (lambda: Again(after=1, at_most=0), "at_most: 1 or more"),
        (lambda: AttemptRules(by_outcome={"answered": Again(after=1)}), "answered: such contacts were reached"),
        (lambda: AttemptRules(by_outcome={"unknown": Again(after=1)}), "unknown: such contacts were reached, or may"),
        (lambda: AttemptRules(by_outcome={"delivered": Again(after=1)}), "delivered: such contacts were reached"),
    ],
)
def test_wrong_rules_are_named(make, problem):
    with pytest.raises(CampaignError, match=problem):
        make()


def test_names_and_keys_of_the_first_attempt_are_those_of_the_chunk():
    assert (attempt_name("chunks/00003.parquet", 1), attempt_name("00003", 2)) == ("00003", "00003.2")
    assert attempt_key(KEY, 1) == KEY


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
outcomes = st.sampled_from(["answered", "busy", "no_answer", "failed", "voicemail", "refused", "odd word", None])
numbers = st.sampled_from([f"55{area}990000001" for area in ("11", "68", "92", "97", "81", "41")])
agains = st.builds(Again, after=st.integers(1, 3000), at_most=st.integers(1, 5))
histories = st.lists(
    st.builds(
        CallAttempt,
        contact=st.integers(1, 30).map(str),
        number=numbers,
        attempt=st.integers(1, 6),
        since=moments,
        outcome=outcomes,
    ),
    max_size=8,
    unique_by=lambda each: each.contact,
)
rules = st.builds(
    AttemptRules,
    by_outcome=st.dictionaries(st.sampled_from(["busy", "no_answer", "failed", "voicemail", "odd word"]), agains),
    window=st.sampled_from([None, *PRESETS.values()]),
)


@given(last=histories, rules=rules, now=moments)
@settings(deadline=None, max_examples=60)
def test_every_further_call_is_allowed_by_every_rule(last, rules, now):
    due = due_attempts(last, rules, key=KEY, now=now)
    by_contact = {each.contact: each for each in last}
    assert len({each.contact for each in due}) == len(due) == len({each.key for each in due})
    assert [each.at for each in due] == sorted(each.at for each in due)
    for each in due:
        before = by_contact[each.contact]
        again = rules.by_outcome[before.outcome]
        assert before.attempt < each.attempt <= again.at_most
        assert each.at >= max(before.since + again.pause, now)
        if rules.window is not None:
            assert rules.window.is_open(each.at, AREAS[before.number[2:4]])
    for number in {each.number for each in last}:
        calls = sum(each.attempt for each in last if each.number == number)
        rows = [by_contact[each.contact] for each in due if by_contact[each.contact].number == number]
        further = [rules.by_outcome[each.outcome].at_most for each in rows]
        assert not further or calls + len(further) <= max(further)
    assert due_attempts(list(reversed(last)), rules, key=KEY, now=now) == due


def test_of_the_logs_only_those_of_the_chunk_are_listed(tmp_path):
    class ListedFolder(LocalFolder):
        listed: ClassVar[list[str]] = []

        def names(self, prefix=""):
            self.listed.append(prefix)
            return super().names(prefix)

    folder = ListedFolder(tmp_path)
    for log in ("00000", "00000.2", "00000.3", "00001", "00001.4", "000000"):
        folder.write(f"waves/{log}/000000.a.intent.json", b"{}")
    assert attempts_made(folder, "chunks/00000.parquet") == [1, 2, 3]
    assert attempts_made(folder, "chunks/00002.parquet") == []
    assert all(prefix.startswith(("waves/00000/", "waves/00000.", "waves/00002/")) for prefix in folder.listed)
