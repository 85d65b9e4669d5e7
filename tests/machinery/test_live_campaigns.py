"""tools.live_campaigns: the judge sees each violation, and the search finds values of contacts wherever they are."""

from __future__ import annotations

import base64
import json
import random
import sqlite3
import zlib
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from airflow_provider_directcall.sandbox.tariff import SMS_PART
from tools.live_campaigns.judge import Judgement, judge
from tools.live_campaigns.people import People, invent
from tools.live_campaigns.traces import check_search, search_home

TOKEN = "a-token-of-the-account"
PEOPLE = invent(40, random.Random(1), set())
FIRST = PEOPLE.accepted[0]


def message(number: str, phase: str = "delivered") -> dict[str, object]:
    return {"destination": number, "phase": phase, "text": "Ola", "origin": "551130000000"}


def row(contact: str, state: str, planned: str | None = None) -> dict[str, object]:
    is_sent = planned is None
    cost = SMS_PART if is_sent else None
    return {"contact": contact, "state": state, "parts": int(is_sent), "cost_brl": cost}


def judged(
    tmp_path: Path, rows: list[dict[str, object]], messages: list[dict[str, object]], people: People = PEOPLE
) -> Judgement:
    path = tmp_path / "results.parquet"
    pl.DataFrame(
        rows, schema={"contact": str, "state": str, "parts": int, "cost_brl": pl.Decimal(38, 6)}
    ).write_parquet(path)
    report: Mapping[str, object] = {
        "contacts": len(rows),
        "states": dict(Counter(str(each["state"]) for each in rows)),
    }
    return judge(people, "sms", path, report, {"messages": messages, "calls": []})


def rows_of_all() -> list[dict[str, object]]:
    return [row(person.id, person.planned or "delivered", person.planned) for person in PEOPLE.rows]


def messages_to_all() -> list[dict[str, object]]:
    return [message(person.number) for person in PEOPLE.accepted]


def test_a_campaign_that_is_right(tmp_path: Path) -> None:
    judgement = judged(tmp_path, rows_of_all(), messages_to_all())
    assert judgement.is_right
    assert judgement.states["delivered"] == len(PEOPLE.accepted) == 40


def test_a_second_message(tmp_path: Path) -> None:
    judgement = judged(tmp_path, rows_of_all(), [*messages_to_all(), message(FIRST.number)])
    assert (judgement.twice, judgement.is_right) == (1, False)


def test_a_message_that_was_never_sent(tmp_path: Path) -> None:
    judgement = judged(tmp_path, rows_of_all(), messages_to_all()[1:])
    assert (judgement.lost, judgement.is_right) == (1, False)


@pytest.mark.parametrize("change", ["missing", "repeated"])
def test_a_contact_without_exactly_one_state(tmp_path: Path, change: str) -> None:
    rows = rows_of_all()
    rows = rows[1:] if change == "missing" else [rows[0], *rows]
    assert judged(tmp_path, rows, messages_to_all()).lost == 1


def test_a_state_that_is_not_true(tmp_path: Path) -> None:
    messages = [*messages_to_all()[1:], message(FIRST.number, "failed")]
    judgement = judged(tmp_path, rows_of_all(), messages)
    assert judgement.wrong.total() == 1
    assert any("BRL" in text for text in judgement.differences)


def test_a_message_to_a_contact_who_must_not_be_reached(tmp_path: Path) -> None:
    (suppressed, *_) = PEOPLE.with_state("suppressed")
    messages = [*messages_to_all(), message(suppressed.number)]
    assert judged(tmp_path, rows_of_all(), messages).wrong.total() == 1


def test_unknown_is_counted_and_no_violation(tmp_path: Path) -> None:
    rows = [
        {**each, "state": "unknown", "parts": 0, "cost_brl": Decimal(0)} if each["contact"] == FIRST.id else each
        for each in rows_of_all()
    ]
    judgement = judged(tmp_path, rows, messages_to_all())
    assert (judgement.unknown, judgement.is_right) == (1, True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "logs" / "task").mkdir(parents=True)
    masked = f"{FIRST.number[:4]}*****{FIRST.number[-4:]}"
    (tmp_path / "logs" / "task" / "1.log").write_text(f"{masked} at 1764341990001.25, 0.990001234 s, 20261128990001234")
    with sqlite3.connect(tmp_path / "airflow.db") as database:
        database.execute("CREATE TABLE xcom (value)")
    database.close()
    return tmp_path


def plant(home: Path, value: str | bytes) -> None:
    with sqlite3.connect(home / "airflow.db") as database:
        database.execute("INSERT INTO xcom VALUES (?)", (value,))
    database.close()


def test_masked_numbers_and_times_are_no_traces(home: Path) -> None:
    traces = search_home(home, [TOKEN])
    assert not traces.found
    assert (traces.tables, traces.files) == (1, 1)


@pytest.mark.parametrize(
    "number",
    [
        FIRST.number,
        FIRST.number[2:],
        FIRST.number[4:],
        f"+{FIRST.number}",
        f"0{FIRST.number[2:]}",
        f"({FIRST.number[2:4]}) {FIRST.number[4:9]}-{FIRST.number[9:]}",
        f"+55 {FIRST.number[2:4]} 9 {FIRST.number[5:9]}-{FIRST.number[9:]}",
        f"%2B{FIRST.number}",
    ],
)
def test_a_number_is_found_in_every_spelling(home: Path, number: str) -> None:
    plant(home, f'{{"destino": "{number}"}}')
    assert search_home(home, [TOKEN]).found == {"number in xcom.value": 1}


@pytest.mark.parametrize(
    ("value", "kind"),
    [(FIRST.name, "name"), (FIRST.code, "text"), (FIRST.customer, "tag value"), (FIRST.id, "id"), (TOKEN, "token")],
)
def test_other_values_are_found_in_every_form(home: Path, value: str, kind: str) -> None:
    (home / "logs" / "task" / "2.log").write_text(f"of {value.upper() if value != TOKEN else value}")
    text = json.dumps({"value": value, "padding": "x" * 40}).encode()
    plant(home, text)
    plant(home, zlib.compress(text))
    plant(home, base64.b64encode(text).decode())
    assert search_home(home, [TOKEN]).found == {f"{kind} in xcom.value": 3, f"{kind} in logs/task/2.log": 1}


def test_the_search_checks_itself(tmp_path: Path) -> None:
    PEOPLE.write(tmp_path / "contacts.csv", tmp_path / "suppressed.csv")
    check_search(tmp_path, [TOKEN])
    (tmp_path / "contacts.csv").write_text("id,phone\n")
    with pytest.raises(AssertionError, match="does not find"):
        check_search(tmp_path, [TOKEN])
