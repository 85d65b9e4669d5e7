from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from airflow_provider_directcall.delivery.keys import (
    KEY_TAG,
    TaskIdentity,
    delivery_key,
    earlier_keys,
    member_key,
    with_key,
)

EARLIER = TaskIdentity("dag", "run", "task", 3, "step", "staging")
IDENTITY = replace(EARLIER, run_after="2026-03-04T10:00:00+00:00")
PINNED_EARLIER = "musvtx7oobxie2eg"
PINNED = "54l3sdkjcfue4hok"


def test_key_survives_an_upgrade():
    assert delivery_key(IDENTITY, 2) == PINNED
    assert delivery_key(EARLIER, 2) == PINNED_EARLIER


def test_keys_of_earlier_tries_are_those_of_0_1_0_too():
    keys = [delivery_key(identity, generation) for generation in (2, 1) for identity in (IDENTITY, EARLIER)]
    assert earlier_keys(IDENTITY, [2, 1]) == keys
    assert earlier_keys(EARLIER, [2]) == [PINNED_EARLIER]


def test_key_is_the_same_in_every_process():
    script = (
        "from airflow_provider_directcall.delivery.keys import TaskIdentity, delivery_key;"
        "run_after = '2026-03-04T10:00:00+00:00';"
        "print(delivery_key(TaskIdentity('dag', 'run', 'task', 3, 'step', 'staging', run_after), 2))"
    )
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert output.stdout.strip() == PINNED


@pytest.mark.parametrize(
    "change",
    [{name: "x"} for name in ("dag_id", "run_id", "task_id", "step", "deployment", "run_after")] + [{"map_index": 4}],
    ids=lambda change: next(iter(change)),
)
def test_key_differs_with_every_part(change):
    assert delivery_key(replace(IDENTITY, **change), 2) != delivery_key(IDENTITY, 2)


def test_key_differs_with_every_generation():
    assert len({delivery_key(IDENTITY, generation) for generation in range(100)}) == 100


def test_key_keeps_its_parts_apart():
    assert delivery_key(TaskIdentity("a", "bc", "d"), 0) != delivery_key(TaskIdentity("ab", "c", "d"), 0)


def test_key_is_short_plain_text_without_content():
    key = delivery_key(TaskIdentity("5511990000001", "maria", "cobranca"), 0)
    assert len(key) == 16
    assert key.isascii()
    assert key.isalnum()
    assert key == key.lower()


def test_key_of_a_lots_member_differs_with_the_lot_and_the_member():
    keys = [member_key(lot, member) for lot in (PINNED, "another") for member in ("1", "2")]
    assert len(set(keys)) == 4
    assert keys[0] == member_key(PINNED, "1")
    assert {len(key) for key in keys} == {len(PINNED)}


def test_key_is_one_tag_among_others():
    tags = {"contact": "7"}
    assert with_key(tags, "k") == {"contact": "7", KEY_TAG: "k"}
    assert with_key(None, "k") == {KEY_TAG: "k"}
    assert tags == {"contact": "7"}


def test_key_as_a_tag_of_the_user_is_rejected():
    with pytest.raises(ValueError, match="airflow_key"):
        with_key({KEY_TAG: "mine"}, "k")
