"""Replies about tokens, calls and messages, parsed from literal bytes as docs/directcall-api.md has them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.replies import MessageState

from .replying import DAY, HEX, SENT, SETTINGS, UUID, A, B, answer, first_page, ok

CALL = m.place_call(A, B)


def test_token() -> None:
    # Claims: iat 1700000000, exp 1700007200.
    body = b'{"access_token": "eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwNzIwMH0.c2ln"}'
    token = answer(m.request_token(SETTINGS), body)
    assert token.value.endswith(".c2ln")
    assert token.life_seconds == 7200
    assert "eyJ" not in repr(token)


@pytest.mark.parametrize(
    "value",
    [
        HEX,
        "eyJ9.e30.x",
        "a.!!!!.b",
        "a.W10.b",  # []
        "a.eyJleHAiOjEsImlhdCI6Mn0.b",  # ends before it begins
        "a.eyJleHAiOiJuYW4iLCJpYXQiOjB9.b",  # "nan"
        "a.eyJpYXQiOjAsImV4cCI6MWU5OTl9.b",  # 1e999
        # An integer too large for a float.
        "a.eyJpYXQiOjAsImV4cCI6" + "MTEx" * 104 + "fQ.b",
    ],
)
def test_token_without_readable_claims_lives_an_hour(value: str) -> None:
    assert answer(m.request_token(SETTINGS), {"access_token": value}).life_seconds == 3600


def test_cipher() -> None:
    cipher = answer(m.create_cipher(), b'{"cipher": "Y2lwaGVyLWRvLXRlc3RlLTAx"}')
    assert cipher.value == "Y2lwaGVyLWRvLXRlc3RlLTAx"
    assert cipher.value not in repr(cipher)


def test_call() -> None:
    body = (
        b'{"api":"voz","modulo":"chamar","status":"ok","codigo":"000",\n'
        b' "msg":"Completando a sua ligacao, por favor aguarde!",\n'
        b' "callerid":"00000000-0000-4000-8000-000000000000"}'
    )
    placed = answer(CALL, body)
    assert (placed.callerid, placed.schedule_id) == (UUID, None)
    assert placed.text == "Completando a sua ligacao, por favor aguarde!"


@pytest.mark.parametrize("schedule_id", ["77", 77])
def test_scheduled_call(schedule_id: object) -> None:
    placed = answer(CALL, ok(msg="Agendada", agendamentoId=schedule_id))
    assert (placed.callerid, placed.schedule_id) == (None, "77")


def test_hang_up() -> None:
    assert answer(m.end_call(A, B), ok(msg="Ligacao encerrada")).text == "Ligacao encerrada"


def test_call_status() -> None:
    body = (
        b'{"api":"voz","modulo":"status","status":"ok","codigo":"000",'
        b'"msg":[{"telefone":" 55 11  3000 0001","status":"atendida","inicio":"2024-01-31 18:28:14",'
        b'"duracao":"00:01:05"},'
        b'{"telefone":" 55 11  99000 0001","status":"Tocando"}]}'
    )
    first, second = answer(m.call_status(A, B), body)
    assert (first.number, first.state, first.duration_seconds) == ("551130000001", "answered", 65)
    assert first.started_at == datetime(2024, 1, 31, 21, 28, 14, tzinfo=UTC)
    assert (second.number, second.state, second.started_at, second.duration_seconds) == (A, "tocando", None, None)
    assert not any(number in repr((first, second)) for number in ("3000", "99000"))


NESTED = {"api": "voz", "modulo": "chamar", "status": "ok", "codigo": "000", "msg": "x", "callerid": UUID}


@pytest.mark.parametrize("retorno", [NESTED, [NESTED]], ids=["object", "list of one"])
def test_schedule_that_was_dialled(retorno: object) -> None:
    state = answer(m.scheduled_call_status(A, "77"), ok(retorno=retorno))
    assert state.placed is not None
    assert state.placed.callerid == UUID
    assert state.refusal is None


@pytest.mark.parametrize("retorno", [None, [], ""])
def test_schedule_that_waits(retorno: object) -> None:
    state = answer(m.scheduled_call_status(A, "77"), ok(retorno=retorno))
    assert (state.placed, state.refusal) == (None, None)


def test_schedule_that_was_refused_at_its_time() -> None:
    refused = {"api": "voz", "status": "erro", "codigo": "201", "msg": "Saldo insuficiente 5511990000001"}
    state = answer(m.scheduled_call_status(A, "77"), ok(retorno=[refused]))
    assert state.placed is None
    assert state.refusal == "201: Saldo insuficiente \u2026"


def test_callback_registration_with_code_001_is_a_success() -> None:
    body = (
        b'{"api":"sms","modulo":"add-callback-status-chamada","status":"ok","codigo":"001",'
        b'"msg":"URL de Callback cadastrada com sucesso.","code":"0123456789abcdef0123456789abcdef01234567"}'
    )
    assert answer(m.add_call_callback("https://user:pass@example.com/"), body).code == HEX


def test_list_of_callbacks() -> None:
    one, two = answer(m.list_message_callbacks(), ok(msg=[{"code": HEX, "url": "https://u:p@h/"}, {"code": 5}]))
    assert (one.code, one.url, two.code, two.url) == (HEX, "https://u:p@h/", "5", None)
    assert "u:p" not in repr(one)


def test_sent_message() -> None:
    sent = answer(m.send_sms(A, "x"), SENT)
    assert sent.callerid == "10000000000001"
    assert [(r.number, r.message_id, r.accepted) for r in sent.recipients] == [(A, "10000000000107", True)]
    assert sent.raw["novo_campo"] == 1
    assert A not in repr(sent)


@pytest.mark.parametrize("destino", [[A, B], [int(A), int(B)]])
def test_sent_message_of_2018_has_no_detail(destino: object) -> None:
    request = m.send_voice_message([A, B], text="x")
    sent = answer(request, ok(msg="001 - x", callerid=10000000000001, destino=destino))
    assert sent.callerid == "10000000000001"
    assert [(r.number, r.message_id) for r in sent.recipients] == [(A, None), (B, None)]


def test_sent_message_of_2013_has_no_recipients() -> None:
    assert answer(m.send_sms(A, "x"), ok(msg="001 - x", callerid="1")).recipients == ()


def test_sent_message_to_one_as_text() -> None:
    assert answer(m.send_sms(A, "x"), ok(callerid="1", destino=A)).recipients[0].number == A


def test_lot_with_a_refused_recipient() -> None:
    detail = [
        {"id_destinatario": "a", "destino": A, "id_mensagem": "107"},
        {"id_destinatario": "b", "destino": B, "codigo": 201, "msg": f"Saldo insuficiente {B}"},
        {"id_destinatario": "c", "destino": B, "codigo": "000", "id_mensagem": 108},
    ]
    lot = m.send_lot([m.LotRecipient("a", A, "x")])
    first, second, third = answer(lot, ok(callerid="1", detalhe=detail)).recipients
    assert (first.recipient_id, first.message_id, first.accepted) == ("a", "107", True)
    assert (second.message_id, second.accepted, second.refusal_code) == (None, False, "201")
    assert second.refusal == "Saldo insuficiente \u2026"
    assert third.accepted


@pytest.mark.parametrize(
    ("entry", "accepted", "code"),
    [
        ({"codigo": "201"}, False, "201"),
        ({"status": "Erro", "codigo": 1, "msg": "Mensagem nao enviada"}, False, "001"),
        ({"codigo": "008"}, None, "008"),
        ({"codigo": "003"}, None, "003"),
        ({"codigo": "999"}, None, "999"),
        ({"status": "Erro"}, None, "erro"),
        ({"status": "Inv\u00e1lido", "codigo": "000"}, None, "invalido"),
        ({"status": "Maria"}, None, "unknown"),
        ({"status": "processando", "codigo": "201"}, None, "unknown"),
        ({"codigo": "201", "msg": "Mensagem enviada"}, None, "unknown"),
        ({"status": "erro", "codigo": "001", "msg": "Mensagem enviada com sucessso"}, None, "erro"),
        ({"status": "enviada"}, True, None),
        ({"situacao": "Na fila de envio", "codigo": "001"}, True, None),
        ({"codigo": "001", "msg": "001 - Mensagem agendada"}, True, None),
        ({"status": "ok"}, True, None),
        ({"codigo": "000"}, True, None),
        ({"codigo": "201", "status": "erro", "id_mensagem": 7}, True, None),
    ],
)
def test_an_entry_of_a_recipient_is_refused_by_proof_only(
    entry: dict[str, object], accepted: bool | None, code: str | None
) -> None:
    (recipient,) = answer(m.send_sms(A, "x"), ok(callerid="1", detalhe=[{"destino": A, **entry}])).recipients
    assert (recipient.accepted, recipient.refusal_code) == (accepted, code)


def test_which_states_of_a_message_are_final() -> None:
    assert {state.value for state in MessageState if state.is_terminal} == {"delivered", "failed", "cancelled"}


@pytest.mark.parametrize(
    ("phrase", "state"),
    [
        ("Mensagem entregue", MessageState.DELIVERED),
        ("Recebida pelo aparelho", MessageState.DELIVERED),
        ("Mensagem recebida pela operadora", MessageState.SENT),
        ("Recebida pelo gateway", MessageState.SENT),
        ("Entregue \u00e0 operadora", MessageState.SENT),
        ("Entregue com sucesso ao gateway da operadora", MessageState.SENT),
        ("Recebida na central", MessageState.SENT),
        ("N\u00e3o recebida pela operadora", MessageState.FAILED),
        ("Entregue \u00e0 operadora e recebida pelo aparelho", MessageState.DELIVERED),
        ("Entregue ao destinat\u00e1rio pela operadora", MessageState.DELIVERED),
        ("NÃO ENTREGUE", MessageState.FAILED),
        ("Erro ao enviar", MessageState.FAILED),
        ("Rejeitada pela operadora", MessageState.FAILED),
        ("Agendada", MessageState.SCHEDULED),
        ("Cancelada", MessageState.CANCELLED),
        ("Aguardando confirma\u00e7\u00e3o da operadora", MessageState.SENT),
        ("Na  fila", MessageState.SENT),
        ("???", MessageState.UNKNOWN),
        ("A mensagem n\u00e3o foi entregue ao aparelho", MessageState.FAILED),
        ("N\u00e3o recebida", MessageState.FAILED),
        ("N\u00e3o foi poss\u00edvel: n\u00e3o enviada", MessageState.FAILED),
        ("Ainda n\u00e3o entregue", MessageState.SENT),
        ("N\u00e3o entregue ainda", MessageState.SENT),
        ("Aguardando ser entregue", MessageState.SENT),
        ("Aguardando confirma\u00e7\u00e3o de mensagem entregue", MessageState.SENT),
        ("Enviada, aguardando entrega", MessageState.SENT),
        ("Cancelada antes de ser entregue", MessageState.CANCELLED),
        ("Falha antes de ser enviada", MessageState.FAILED),
        ("Mensagem agendada foi cancelada", MessageState.CANCELLED),
        ("Agendada, ainda n\u00e3o enviada", MessageState.SCHEDULED),
        ("Agendada para ser enviada em 01/02", MessageState.SCHEDULED),
        ("Mensagem agendada n\u00e3o foi cancelada", MessageState.SCHEDULED),
        ("Ser\u00e1 entregue em breve", MessageState.UNKNOWN),
        ("N\u00e3o foi cancelada", MessageState.UNKNOWN),
        ("Enviada e entregue", MessageState.DELIVERED),
        ("Entregue sem erro", MessageState.DELIVERED),
        ("Falha na primeira tentativa, entregue na segunda", MessageState.UNKNOWN),
        ("N\u00e3o entregue, aguardando nova tentativa", MessageState.UNKNOWN),
        ("Encerrada", MessageState.UNKNOWN),
        ("", MessageState.UNKNOWN),
    ],
)
def test_message_status(phrase: str, state: MessageState) -> None:
    status = answer(m.message_status("1"), ok(msg=phrase))
    shown = "" if phrase == "???" else " ".join(phrase.split()).replace("01/02", "\u2026")
    assert (status.state, status.text) == (state, shown)


def test_message_status_as_a_list_of_texts() -> None:
    assert answer(m.message_status("1"), ok(msg=["Mensagem", "entregue"])).state is MessageState.DELIVERED


def test_received_messages() -> None:
    body = (
        b'{"api":"sms","modulo":"recebimento","status":"ok","codigo":"000",'
        b'"msg":[{"origem":"5511990000001","destino":27000,"texto":"resposta \\ud83d\\ude00",'
        b'"dataHora":"2024-01-31 10:00:00"}]}'
    )
    (message,) = first_page(m.received_messages(DAY, DAY), body)
    assert (message.origin, message.destination, message.text) == (A, "27000", "resposta 😀")
    assert message.received_at == datetime(2024, 1, 31, 13, tzinfo=UTC)
    assert "resposta" not in repr(message)


def test_stored_audio() -> None:
    body = (
        b'{"api":"sms","modulo":"recebimento","status":"ok","codigo":"000",'
        b'"msg":"Audio Cadastrado com sucesso - AUDIO_ID: 5f1e2d3c4b5a697","audio_id":"5f1e2d3c4b5a69788796a5b4"}'
    )
    assert answer(m.upload_audio(b"\xff\xfb"), body).audio_id == "5f1e2d3c4b5a69788796a5b4"
