"""Ids that are none, or that cannot be one: an answer with such an id proves no effect, and nothing is named by it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.errors import DirectcallOutcomeUnknown, DirectcallRefused

from .replying import DAY, SETTINGS, A, B, answer, first_page, ok

CALL = m.place_call(A, B)
SMS = m.send_sms(A, "bom dia, Fulano de Tal", origin=B)
BOTH = pytest.mark.parametrize("request_", [CALL, SMS], ids=["call", "message"])
NO_IDS = [b"0.0", b"-1", b"NaN", b"Infinity", b'"undefined"', b'"0.0"', b'"nan"', b'"-1"', b"-1.0"]


@BOTH
@pytest.mark.parametrize("no_id", NO_IDS)
def test_a_refusal_beside_no_id_is_a_refusal(request_: object, no_id: bytes) -> None:
    with pytest.raises(DirectcallRefused):
        answer(request_, b'{"status":"erro","codigo":"201","callerid":' + no_id + b"}")


@BOTH
@pytest.mark.parametrize("no_id", NO_IDS)
def test_no_id_is_no_success(request_: object, no_id: bytes) -> None:
    with pytest.raises(DirectcallOutcomeUnknown):
        answer(request_, b'{"status":"ok","codigo":"000","callerid":' + no_id + b"}")


@BOTH
@pytest.mark.parametrize("text", ["x" * 100_000, "bom dia, Fulano de Tal", "a\nb", "\ud800", "a\0b"])
@pytest.mark.parametrize("envelope", [{"status": "ok", "codigo": "000"}, {"status": "erro", "codigo": "201"}])
def test_a_text_that_cannot_be_an_id_proves_nothing(request_: object, text: str, envelope: dict[str, str]) -> None:
    with pytest.raises(DirectcallOutcomeUnknown) as caught:
        answer(request_, envelope | {"callerid": text})
    assert "Fulano" not in str(caught.value)


@BOTH
def test_a_number_of_the_request_is_no_id(request_: object) -> None:
    with pytest.raises(DirectcallRefused):
        answer(request_, {"status": "erro", "codigo": "201", "callerid": B})
    with pytest.raises(DirectcallOutcomeUnknown):
        answer(request_, ok(callerid=A))


def test_the_default_origin_is_no_id() -> None:
    with pytest.raises(DirectcallOutcomeUnknown):
        answer(m.place_call(None, A), ok(callerid=SETTINGS.default_origin))


def test_an_id_as_a_float() -> None:
    assert answer(SMS, b'{"status":"ok","codigo":"000","callerid":10000000000001.0}').callerid == "10000000000001"


@pytest.mark.parametrize("value", ["0", 0, 0.0, "null", "-", "undefined", A, B, f"+{B}", "Fulano de Tal"])
def test_rows_are_not_named_by_what_is_no_id(value: object) -> None:
    window = (DAY, DAY + timedelta(days=1))
    row = {"origem": B, "destino": A, "callerid": value}
    (call,) = first_page(m.list_statement(*window), ok(msg=[row]))
    (message,) = first_page(m.list_messages(*window), ok(msg=[row]))
    assert (call.callerid, message.callerid) == (None, None)
