"""The errand of a message."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_directcall.api.replies import MessageRow
from airflow_provider_directcall.api.requests import Page
from airflow_provider_directcall.delivery.errand import End, Pending
from airflow_provider_directcall.delivery.messages import MessageErrand
from airflow_provider_directcall.delivery.record import Phase, Record

SINCE = datetime(2026, 3, 4, 10, tzinfo=UTC)
ONE, TWO = "5511990000001", "5511990000002"
RECORD = Record(phase=Phase.SENT, generation=0, key="abcdefgh234567ij", since=SINCE, max_tries=0, try_number=1)


WORDS = {"delivered": "entregue", "sent": "enviada", "failed": "falha", "cancelled": "cancelada"}


def row(destination, state, place=0):
    fields = {"campos": {"airflow_key": "abcdefgh234567ij"}, "destino": destination, "status": WORDS[state]}
    return MessageRow.from_fields({**fields, "id_mensagem": f"{destination}-{place}"}, ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("states", "end"),
    [
        ([], Pending(state="unknown")),
        (["delivered"], Pending(state="unknown")),
        (["delivered", "sent"], Pending(state="sent")),
        (["delivered", "delivered"], End("delivered", repeatable=False)),
        (["delivered", "failed"], End("failed", repeatable=False)),
        (["cancelled", "failed"], End("failed", repeatable=False)),
    ],
)
def test_message_without_an_id_ends_when_every_recipient_has_an_end(states, end):
    rows = [row(number, state) for number, state in zip((ONE, TWO), states, strict=False)]
    errand = MessageErrand(kind="SMS", destinations=[ONE, TWO])
    looks = errand.end(RECORD, SINCE)
    next(looks)
    with pytest.raises(StopIteration) as stop:
        looks.send(Page(tuple(rows), total_pages=1))
    assert stop.value.value == end


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([(ONE, "failed"), (ONE, "delivered")], "delivered"),
        ([(ONE, "failed"), (ONE, "sent")], "sent"),
        ([(ONE, "failed"), (ONE, "cancelled")], "failed"),
        ([(ONE.removeprefix("55"), "delivered")], "delivered"),
        ([(TWO, "delivered")], "unknown"),
        ([(TWO, "delivered"), (ONE, "failed")], "failed"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_state_of_several_rows_is_chosen_by_a_rule_and_other_recipients_never_count(rows, state, order):
    listed = [row(destination, word, place) for place, (destination, word) in enumerate(rows)][::order]
    end = MessageErrand(kind="SMS", destinations=[ONE]).end(RECORD, SINCE)
    next(end)
    with pytest.raises(StopIteration) as stopped:
        end.send(Page(tuple(listed), 1))
    ended = stopped.value.value
    assert (ended.outcome if isinstance(ended, End) else ended.state) == state


def test_message_that_was_restored_to_be_looked_up_cannot_be_sent():
    errand = MessageErrand.from_json(MessageErrand(kind="SMS", destinations=[ONE]).as_json())
    with pytest.raises(ValueError, match="cannot be sent"):
        errand.request("k")
