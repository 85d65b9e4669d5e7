"""Contacts that are there twice, over batches, against a rule that looks at one row after the other."""

from __future__ import annotations

import hypothesis.strategies as st
import polars as pl
from hypothesis import given, settings

from airflow_provider_directcall.campaigns.plan_summary import ACCEPTED
from airflow_provider_directcall.campaigns.repeats import Excluded, KeySet, Repeats, id_key, number_key
from airflow_provider_directcall.campaigns.suppression import Exclusions

phones = st.sampled_from(
    ["5511990000001", "5511990000002", "551130000001", "ip1130000001", "ip11990000001", "0012125550100", "001212555010"]
)
ids = st.one_of(st.sampled_from(["1", "01", "+1", "1.0", "a", "A", "-1", "9" * 18, "9" * 19, "é"]), st.text(min_size=1))
contacts = st.lists(st.tuples(phones, ids, st.sampled_from([ACCEPTED, ACCEPTED, "rejected"])), max_size=25)


def one_by_one(rows):
    """Return the states as a person would decide on them."""
    numbers, known, states = set(), set(), []
    for number, own, state in rows:
        if state == ACCEPTED and (number in numbers or own in known):
            states.append("duplicate")
            continue
        if state == ACCEPTED:
            numbers.add(number)
            known.add(own)
        states.append(state)
    return states


@given(rows=contacts, size=st.integers(1, 7))
@settings(deadline=None)
def test_repeats_are_those_of_a_rule_for_single_rows(rows, size):
    frame = pl.DataFrame(rows, schema=["number", "id", "state"], orient="row", schema_overrides={"id": pl.String})
    repeats = Repeats()
    marked = [repeats.marked(batch).get_column("state").to_list() for batch in frame.iter_slices(size)]
    assert [state for states in marked for state in states] == one_by_one(rows)
    assert frame.get_column("state").to_list() == [state for *_, state in rows], "a batch is not changed in its place"


@given(rows=contacts, suppressed=st.frozensets(phones), opted_out=st.frozensets(phones))
@settings(deadline=None)
def test_excluded_numbers_get_their_state(rows, suppressed, opted_out):
    frame = pl.DataFrame(rows, schema=["number", "id", "state"], orient="row")
    marked = Excluded(Exclusions(suppressed, opted_out)).marked(frame) if rows else frame

    def state(number, given):
        if given != ACCEPTED:
            return given
        return "opted_out" if number in opted_out else "suppressed" if number in suppressed else ACCEPTED

    assert marked.get_column("state").to_list() == [state(number, given) for number, _, given in rows]


@given(batches=st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40), max_size=12), asked=st.data())
@settings(deadline=None)
def test_a_set_of_keys_is_a_set(batches, asked):
    keys, expected = KeySet(), set()
    for batch in batches:
        fresh = sorted(set(batch) - expected)
        keys.add(pl.Series(fresh, dtype=pl.Int64))
        expected.update(fresh)
    wanted = asked.draw(st.lists(st.one_of(st.integers(-5, 5), st.sampled_from(sorted(expected) or [0])), max_size=20))
    assert keys.holds(pl.Series(wanted, dtype=pl.Int64)).to_list() == [each in expected for each in wanted]


def test_different_texts_have_different_keys():
    texts = ["1", "01", "a", "A", "", "9" * 18, "9" * 19, "-1", "é", "e\u0301"]
    assert pl.DataFrame({"id": texts}).select(id_key("id")).to_series().n_unique() == len(texts)
    numbers = ["5511990000001", "ip11990000001", "ip1199000000", "00119900000010000"]
    assert pl.DataFrame({"number": numbers}).select(number_key("number")).to_series().n_unique() == len(numbers)
