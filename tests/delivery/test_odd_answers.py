"""Answers that say two things about a message or a scheduled call, or are another request's."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from airflow_provider_directcall.api import protocol
from airflow_provider_directcall.api.methods import place_call, scheduled_call_status, send_sms
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.delivery.calls import CallErrand
from airflow_provider_directcall.delivery.errand import End, Pending
from airflow_provider_directcall.delivery.messages import MessageErrand
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.errors import DirectcallOutcomeUnknown

ORIGIN, PERSON, STRANGER = "551130000001", "5511990000001", "5511988880002"
SETTINGS = Settings("me@example.com", "secret")
ENVELOPE = {"status": "ok", "codigo": "000", "callerid": "10000000000001"}


def sent(*numbers: str, **fields: object):
    """Return what a message's errand makes of an answer."""
    errand = MessageErrand(kind="SMS", destinations=numbers, build=None)
    reply = protocol.read(
        send_sms(list(numbers), "x", origin=ORIGIN), SETTINGS, httpx.Response(200, json=ENVELOPE | fields)
    )
    return errand.accepted(reply)


@pytest.mark.parametrize(
    "entry",
    [
        {"codigo": "001", "msg": "Mensagem enviada com sucessso"},
        {"codigo": "001", "idMensagem": 10000000000107},
        {"codigo": "001", "callerid": "10000000000001"},
    ],
    ids=str,
)
def test_an_entry_with_a_sign_of_success_is_no_refusal(entry: dict[str, object]) -> None:
    assert sent(PERSON, detalhe=[{"destino": PERSON, **entry}]).recipients == ((0, None, None),)


@pytest.mark.parametrize(
    "fields",
    [{"destino": [STRANGER]}, {"detalhe": [{"destino": STRANGER, "id_mensagem": 7}]}, {"destino": STRANGER}],
    ids=str,
)
def test_an_answer_that_names_other_recipients_is_another_request_s(fields: dict[str, object]) -> None:
    with pytest.raises(DirectcallOutcomeUnknown, match="other recipients"):
        sent(PERSON, **fields)


@pytest.mark.parametrize("number", [PERSON, PERSON[2:], "", "5511*****0001", 5511990000001.0])
def test_a_recipient_in_another_spelling_may_be_ours(number: object) -> None:
    assert sent(PERSON, detalhe=[{"destino": number, "id_mensagem": 7}]).ids


def scheduled(answer: object) -> End | Pending:
    errand = CallErrand(origin=ORIGIN, destination=PERSON, build=lambda key: place_call(ORIGIN, PERSON))
    now = datetime(2026, 3, 4, 10, tzinfo=UTC)
    record = Record(
        phase=Phase.SENT, generation=0, key="k" * 16, since=now, max_tries=0, try_number=1, ids={"schedule_id": "7"}
    )
    lookup = errand.end(record, now)
    next(lookup)
    reply = protocol.read(
        scheduled_call_status(ORIGIN, "7"), SETTINGS, httpx.Response(200, json={"status": "ok", "retorno": answer})
    )
    try:
        lookup.send(reply)
    except StopIteration as stop:
        return stop.value
    return Pending({"callerid": str(reply.placed.callerid)})


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "agendado", "codigo": "000", "msg": "Aguardando"},
        {"status": "processando"},
        {"codigo": "001"},
        {"status": "erro", "codigo": "999"},
        {"status": "erro", "codigo": "001", "msg": "Completando a sua ligacao, por favor aguarde!"},
        {"status": "ok", "codigo": "000", "msg": "Agendado"},
    ],
    ids=str,
)
def test_what_does_not_prove_that_a_scheduled_call_was_refused(answer: object) -> None:
    assert scheduled(answer) == Pending()


def test_an_id_beside_the_refusal_of_a_scheduled_call() -> None:
    assert scheduled({"status": "erro", "codigo": "001", "callerid": "u-9"}).ids == {"callerid": "u-9"}


@pytest.mark.parametrize("code", ["001", "002", "201"])
def test_the_refusal_of_a_scheduled_call(code: str) -> None:
    assert scheduled({"status": "erro", "codigo": code}).refusal == code
