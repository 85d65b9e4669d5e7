"""Snapshots: sealed, in files, and restored."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import stat
import zlib
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.errors import DirectcallRuleError, DirectcallSnapshotError
from airflow_provider_directcall.routing.plans.planning import plan_rules
from airflow_provider_directcall.routing.rules import Forward, HangUp
from airflow_provider_directcall.routing.writes import snapshots
from airflow_provider_directcall.routing.writes.apply import apply_plan, restore

from .line import Line, contents
from .number import DID
from .rule_sets import PHONES, sets

SECRET = "sandbox-secret"
ONE, OTHER = PHONES
RULE = Rule(
    "fwd",
    {"phone": ONE, "wait": 10, "fila": {"ramais": ["1"]}, "música": "não"},
    1,
    "18000",
    "1130000001",
    30,
    {"dpId": "18000", "timeout": 30, "queue": "vendas"},
)
SNAPSHOT = snapshots.take(DID, [RULE, Rule("hangup", {}, None, None)])


def no_sleep(seconds):
    raise AssertionError("no wait expected")


# Sealed


def test_a_sealed_snapshot_gives_back_all_of_it():
    assert snapshots.unseal(SNAPSHOT.seal(SECRET), SECRET) == SNAPSHOT


def test_sealed_snapshot_reveals_nothing_and_differs_each_time():
    one, other = SNAPSHOT.seal(SECRET), SNAPSHOT.seal(SECRET)
    assert one != other
    assert not any(word in one for word in (ONE, DID, "vendas", "fwd"))
    assert ONE not in repr(SNAPSHOT)
    assert DID not in repr(SNAPSHOT)


def test_seal_costs_what_scrypt_costs_today():
    """Test accounts have short secrets, so a cheaper key could be guessed; a dearer one would not open old seals."""
    raw = base64.urlsafe_b64decode(SNAPSHOT.seal(SECRET).removeprefix("dcr1."))
    key = hashlib.scrypt(SECRET.encode(), salt=raw[:16], n=2**14, r=8, p=1, dklen=32, maxmem=2**25)
    packed = Fernet(base64.urlsafe_b64encode(key)).decrypt(base64.urlsafe_b64encode(raw[16:]))
    assert json.loads(zlib.decompress(packed)) == SNAPSHOT.to_json()


def test_two_hundred_rules_fit_into_a_state_store():
    def rule(n):
        data = {"phone": f"551199000{n:04}", "wait": n, "week": "1,2,3", "start": "08:00", "end": f"{n % 24:02}:30"}
        return Rule("fwd", data, n, str(18000 + n), DID, None, {"dpId": str(18000 + n), "data": dict(data)})

    assert len(snapshots.take(DID, [rule(n) for n in range(200)]).seal(SECRET)) < 16 * 1024


@pytest.mark.parametrize(
    ("text", "secret", "named"),
    [
        ("", SECRET, "not a sealed snapshot"),
        ("gAAAAA", SECRET, "not a sealed snapshot"),
        (SNAPSHOT.seal(SECRET), "another", "another client secret, or the text is damaged"),
        (SNAPSHOT.seal(SECRET)[:-9], SECRET, "damaged"),
        (SNAPSHOT.seal(SECRET)[:60], SECRET, "damaged"),
        ("dcr1.", SECRET, "damaged"),
        ("dcr1.ééé", SECRET, "damaged"),
    ],
    ids=["empty", "another text", "another secret", "cut", "cut short", "only the head", "no base64"],
)
def test_unseal_explains_the_failure(text, secret, named):
    with pytest.raises(DirectcallSnapshotError, match=named):
        snapshots.unseal(text, secret)


# In a file


def test_a_file_gives_back_all_of_it_and_is_its_owners_only(tmp_path):
    path = tmp_path / "rules.json"
    SNAPSHOT.write(path)
    assert snapshots.read(path) == SNAPSHOT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text(encoding="utf-8"))["number"] == DID
    assert [each.name for each in tmp_path.iterdir()] == ["rules.json"]


def test_a_file_that_was_open_to_others_is_not_any_more(tmp_path):
    path = tmp_path / "rules.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    SNAPSHOT.write(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_write_reports_a_missing_directory(tmp_path):
    with pytest.raises(DirectcallSnapshotError, match=r"11\*{5}0001 could not be written .*No such file or directory"):
        SNAPSHOT.write(tmp_path / "missing" / "rules.json")


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "rules.json"
    path.write_text("old", encoding="utf-8")

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DirectcallSnapshotError, match="No space left on device"):
        SNAPSHOT.write(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["rules.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"format": "other"}',
        b'{"format": "directcall rules 1", "rules": []}',
        b'{"format": "directcall rules 1", "number": "1130000001", "rules": [{"x": 1}]}',
    ],
)
def test_another_file_is_no_snapshot(tmp_path, content):
    path = tmp_path / "rules.json"
    path.write_bytes(content)
    with pytest.raises(DirectcallSnapshotError, match="is not a snapshot of rules"):
        snapshots.read(path)


def test_read_reports_a_missing_file(tmp_path):
    with pytest.raises(DirectcallSnapshotError, match="could not be read: No such file"):
        snapshots.read(tmp_path / "rules.json")


# Restored


@settings(max_examples=80, deadline=None)
@given(sets())
def test_restore_brings_back_all_rules_with_unknown_fields(rules):
    live, desired = rules
    line = Line.of(live)
    snapshot = snapshots.take(DID, live)
    plan = plan_rules(DID, line.live, desired, secret=SECRET, allow_empty=True)
    apply_plan(line, plan, secret=SECRET, sleep=no_sleep)
    kept = line.rules.keys() & {rule.rule_id for rule in live}
    restored = restore(line, snapshot, secret=SECRET, sleep=no_sleep, allow_empty=True)
    assert contents(line.live) == contents(live)
    assert all(contents([line.rules[rule_id]]) == contents([_by_id(live, rule_id)]) for rule_id in kept)
    assert len([text for text in restored.not_restored if " now" in text]) == len(live) - len(kept)
    writes = len(line.seen)
    restore(line, snapshot, secret=SECRET, sleep=no_sleep)
    assert len(line.seen) == writes


def _by_id(rules, rule_id):
    return next(rule for rule in rules if rule.rule_id == rule_id)


def test_restore_reports_what_it_cannot_restore():
    first = replace(RULE, data={"phone": ONE, "wait": 10})
    second = Rule("fwd", {"phone": OTHER, "wait": 10}, 2, "18001", raw={"queue": "x"})
    line = Line.of([first, second])
    snapshot = snapshots.take(DID, line.live)
    line.rules["18000"] = replace(first, timeout=60, raw={"queue": "suporte"})
    del line.rules["18001"]
    assert restore(line, snapshot, secret=SECRET, sleep=no_sleep).not_restored == (
        "rule 18000: fields that still differ: queue, timeout",
        "rule 18001 is rule 901 now",
        "rule 901: fields that still differ: queue",
    )


def test_a_number_without_rules_is_restored_to_none():
    line = Line.of([])
    snapshot = snapshots.take(DID, [])
    apply_plan(line, plan_rules(DID, [], [HangUp(priority=1)], secret=SECRET), secret=SECRET, sleep=no_sleep)
    with pytest.raises(DirectcallRuleError, match=r"has no rules, and nothing was written after it.* allow_empty=True"):
        restore(line, snapshot, secret=SECRET, sleep=no_sleep)
    assert len(line.live) == 1
    written = replace(snapshot, is_written=True)
    restore(line, snapshots.unseal(written.seal(SECRET), SECRET), secret=SECRET, sleep=no_sleep)
    assert line.live == []


def test_restore_names_a_rule_that_cannot_be_written_and_writes_nothing():
    kept = Rule("hangup", {}, 9, "18009")
    line = Line.of([kept])
    snapshot = snapshots.take(DID, [replace(RULE, priority=None), kept])
    with pytest.raises(DirectcallRuleError, match=r"desired rule without priority \('fwd'\) cannot be written .*No"):
        restore(line, snapshot, secret=SECRET, sleep=no_sleep)
    assert (line.live, line.seen) == ([kept], [])


def test_a_sealed_snapshot_restores_a_number_over_http(number):
    number.other_writes(
        dpId="18000", **{"data[phone]": ONE, "data[wait]": "12", "data[peso]": "1.5", "data[fila]": "vendas"}
    )
    number.other_writes(priority="5", action="hangup")
    before = number.rules
    sealed = snapshots.take(number.did, number.hook.list_rules(number.did)).seal(SECRET)
    plan = plan_rules(
        number.did,
        number.hook.list_rules(number.did),
        [Forward(to=OTHER, priority=1), HangUp(priority=2)],
        secret=SECRET,
    )
    apply_plan(number.hook, plan, secret=SECRET, sleep=no_sleep)
    assert number.rules != before
    restored = restore(number.hook, snapshots.unseal(sealed, SECRET), secret=SECRET, sleep=no_sleep)
    assert (number.rules, restored.not_restored) == (before, ())
