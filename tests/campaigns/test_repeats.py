"""Contacts that are there twice, over batches, against a rule that looks at one row after the other."""

from __future__ import annotations

import hypothesis.strategies as st
import polars as pl
from hypothesis import given, settings

from airflow_provider_directcall.campaigns.key_map import KeyMap, id_key, number_key, number_keys
from airflow_provider_directcall.campaigns.plan_summary import ACCEPTED
from airflow_provider_directcall.campaigns.repeats import Excluded, Repeats
from airflow_provider_directcall.campaigns.suppression import Exclusions

phones = st.sampled_from(
    ["5511990000001", "5511990000002", "551130000001", "ip1130000001", "ip11990000001", "0012125550100", "001212555010"]
)
ids = st.one_of(st.sampled_from(["1", "01", "+1", "1.0", "a", "A", "-1", "9" * 18, "9" * 19, "é"]), st.text(min_size=1))
contacts = st.lists(st.tuples(phones, ids, st.sampled_from([ACCEPTED, ACCEPTED, "rejected"])), max_size=25)
#: Place of the first row of the second file.
SECOND = 9


def framed(rows):
    schema = {"number": pl.String, "id": pl.String, "state": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(reason=pl.lit(None, pl.String))
    # Two files, one after the other.
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    return frame.with_columns(
        _file=pl.when(place < SECOND).then(pl.lit("a.csv")).otherwise(pl.lit("b.csv")),
        _row=pl.when(place < SECOND).then(place + 1).otherwise(place - SECOND + 1),
    )


def one_by_one(rows):
    """Return the states and reasons as a person would decide on them."""
    numbers, known, decided = {}, {}, []
    for place, (number, own, state) in enumerate(rows):
        row = f"row {place + 1} of a.csv" if place < SECOND else f"row {place - SECOND + 1} of b.csv"
        if state != ACCEPTED:
            decided.append((state, None))
        elif number in numbers:
            decided.append(("duplicate", f"same number as {numbers[number]}"))
        elif own in known:
            decided.append(("duplicate", f"same id as {known[own]}"))
        else:
            numbers[number] = known[own] = row
            decided.append((state, None))
    return decided


@given(rows=contacts, size=st.integers(1, 7))
@settings(deadline=None)
def test_repeats_are_those_of_a_rule_for_single_rows(rows, size):
    frame = framed(rows)
    repeats = Repeats()
    marked = [repeats.marked(batch).select("state", "reason").rows() for batch in frame.iter_slices(size)]
    assert [state for states in marked for state in states] == one_by_one(rows)
    assert frame.get_column("state").to_list() == [state for *_, state in rows], "a batch is not changed in its place"


@given(rows=contacts, suppressed=st.frozensets(phones), opted_out=st.frozensets(phones))
@settings(deadline=None)
def test_excluded_numbers_get_their_state_and_reason(rows, suppressed, opted_out):
    class Listed:
        def reasons(self, keys):
            held = number_keys(pl.Series(sorted(suppressed), dtype=pl.String)).to_list()
            return pl.Series(["on it" if key in held else None for key in keys], dtype=pl.String)

    marked = Excluded(Exclusions(Listed(), opted_out)).marked(framed(rows))

    def decided(number, given):
        if given != ACCEPTED or number not in opted_out | suppressed:
            return given, None
        return ("opted_out", None) if number in opted_out else ("suppressed", "on it")

    assert marked.select("state", "reason").rows() == [decided(number, given) for number, _, given in rows]


@given(batches=st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40), max_size=12), asked=st.data())
@settings(deadline=None)
def test_a_map_of_keys_is_a_map(batches, asked):
    keys, expected = KeyMap(), {}
    for batch in batches:
        fresh = {key: len(expected) + place for place, key in enumerate(dict.fromkeys(batch)) if key not in expected}
        keys.add(pl.Series(list(fresh), dtype=pl.Int64), pl.Series(list(fresh.values()), dtype=pl.Int64))
        expected.update(fresh)
    wanted = asked.draw(st.lists(st.one_of(st.integers(-5, 5), st.sampled_from(sorted(expected) or [0])), max_size=20))
    assert keys.find(pl.Series(wanted, dtype=pl.Int64)).to_list() == [expected.get(each) for each in wanted]
    assert len(keys) == len(expected)


def test_different_texts_have_different_keys():
    texts = ["1", "01", "a", "A", "", "9" * 18, "9" * 19, "-1", "é", "e\u0301"]
    assert pl.DataFrame({"id": texts}).select(id_key("id")).to_series().n_unique() == len(texts)
    numbers = ["5511990000001", "ip11990000001", "ip1199000000", "00119900000010000"]
    assert pl.DataFrame({"number": numbers}).select(number_key("number")).to_series().n_unique() == len(numbers)
