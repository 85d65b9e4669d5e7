"""Each shape of reply that the reference shows, as literal bytes, and what a caller gets for it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.errors import DirectcallOutcomeUnknown, DirectcallReplyError
from airflow_provider_directcall.api.replies import MessageState

from .replying import SETTINGS, answer, first_page, ok

A, B = "5511990000001", "551130000001"
UUID = "00000000-0000-4000-8000-000000000000"
HEX = "0123456789abcdef0123456789abcdef01234567"
DAY = datetime(2024, 1, 31, tzinfo=UTC)
CALL = m.place_call(A, B)
STATEMENT = m.list_statement(DAY, DAY)


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
    cipher = answer(m.create_cipher(SETTINGS), b'{"cipher": "XxxXXXXXxxXXXxXXXxxxXXXX"}')
    assert cipher.value == "XxxXXXXXxxXXXxXXXxxxXXXX"
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
        b'"msg":[{"telefone":" 55 11  3000 0001","status":"atendida","inicio":"2024-01-31 18:28:14","duracao":"00:01:05"},'
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
    assert state.refusal == "Saldo insuficiente 5511*****0001"


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


SENT = (
    b'{"api":"sms","modulo":"enviar","status":"ok","codigo":"000",'
    b'"msg":"001 - Mensagem enviada com sucessso - CALLER-ID: 10000000000001",'
    b'"destino":["5511990000001"],"callerid":"10000000000001",'
    b'"detalhe":[{"destino":"5511990000001","id_mensagem":10000000000107}],"novo_campo":1}'
)


def test_sent_message() -> None:
    sent = answer(m.send_sms(A, "x"), SENT)
    assert sent.callerid == "10000000000001"
    assert [(r.number, r.message_id, r.accepted) for r in sent.recipients] == [(A, "10000000000107", True)]
    assert sent.raw["novo_campo"] == 1
    assert A not in repr(sent)


@pytest.mark.parametrize("destino", [[A, B], [int(A), int(B)]])
def test_sent_message_of_2018_has_no_detail(destino: object) -> None:
    sent = answer(m.send_sms([A, B], "x"), ok(msg="001 - x", callerid=10000000000001, destino=destino))
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
    assert second.refusal == "Saldo insuficiente 5511*****0001"
    assert third.accepted


@pytest.mark.parametrize(
    ("phrase", "state"),
    [
        ("Mensagem entregue", MessageState.DELIVERED),
        ("Recebida pelo aparelho", MessageState.DELIVERED),
        ("NÃO ENTREGUE", MessageState.FAILED),
        ("Erro ao enviar", MessageState.FAILED),
        ("Rejeitada pela operadora", MessageState.FAILED),
        ("Agendada", MessageState.SCHEDULED),
        ("Cancelada", MessageState.CANCELLED),
        ("Aguardando confirma\u00e7\u00e3o da operadora", MessageState.SENT),
        ("Na  fila", MessageState.SENT),
        ("???", MessageState.UNKNOWN),
        ("", MessageState.UNKNOWN),
    ],
)
def test_message_status(phrase: str, state: MessageState) -> None:
    status = answer(m.message_status("1"), ok(msg=phrase))
    assert (status.state, status.text) == (state, phrase)


def test_message_status_as_a_list_of_texts() -> None:
    assert answer(m.message_status("1"), ok(msg=["Mensagem", "entregue"])).state is MessageState.DELIVERED


def test_received_messages() -> None:
    body = (
        b'{"api":"sms","modulo":"recebimento","status":"ok","codigo":"000",'
        b'"msg":[{"origem":"5511990000001","destino":27000,"texto":"resposta \\ud83d\\ude00","dataHora":"2024-01-31 10:00:00"}]}'
    )
    (message,) = first_page(m.received_messages(DAY, DAY), body)
    assert (message.origin, message.destination, message.text) == (A, "27000", "resposta 😀")
    assert message.received_at == datetime(2024, 1, 31, 13, tzinfo=UTC)
    assert "resposta" not in repr(message)


def test_stored_audio() -> None:
    body = (
        b'{"api":"sms","modulo":"recebimento","status":"ok","codigo":"000",'
        b'"msg":"Audio Cadastrado com sucesso - AUDIO_ID: XXXXXXXXXXXXXXX","audio_id":"XXXXXXXXXXXXXXXXXXXXXXXX"}'
    )
    assert answer(m.upload_audio(b"\xff"), body).audio_id == "XXXXXXXXXXXXXXXXXXXXXXXX"


RECORDINGS = (
    b'{"api":"extrato","modulo":"extrato","status":"ok","codigo":"000",'
    b'"msg":[{"origem":"5511990000001","destino":"551130000001","inicio":"2024-01-29 10:36:46",'
    b'"gravacao_link":"http:\\/\\/www.directdial.com.br\\/extrato\\/gravacao\\/id\\/0123456789abcdef0123456789abcdef01234567"}],'
    b'"paginas":1}'
)


def test_recordings_in_the_documented_shape() -> None:
    (row,) = first_page(m.list_recordings(DAY, DAY), RECORDINGS)
    assert row.recording_url == f"http://www.directdial.com.br/extrato/gravacao/id/{HEX}"
    assert row.key == row.recording_url
    assert (row.callerid, row.duration_seconds, row.outcome, row.price_brl) == (None, None, None, None)
    assert row.tags == {}


ROW = {
    "origem": A,
    "destino": B,
    "inicio": "2024-01-29 23:36:46",
    "callerid": UUID,
    "duracao": "00:02:03",
    "status": "atendida",
    "tipo": "realizada",
    "valor": "0.1250",
    "campos": {"CPF": "1", "n": 5, "e": None},
    "extra": {"x": 1},
}


def test_statement_row() -> None:
    page = answer(STATEMENT.page(1), ok(msg=[ROW], paginas="12"))
    (row,) = page.rows
    assert page.total_pages == 12
    assert (row.callerid, row.origin, row.destination, row.direction) == (UUID, A, B, "realizada")
    assert row.started_at == datetime(2024, 1, 30, 2, 36, 46, tzinfo=UTC)
    assert (row.duration_seconds, row.outcome, row.price_brl) == (123, "answered", Decimal("0.1250"))
    assert row.tags == {"CPF": "1", "n": "5", "e": ""}
    assert row.raw["extra"] == {"x": 1}
    assert A not in repr(row)


@pytest.mark.parametrize(
    ("field", "value", "attribute", "read"),
    [
        ("status", "ocupado", "outcome", "busy"),
        ("status", "Não  Atendida", "outcome", "no_answer"),
        ("status", "cancelada", "outcome", "cancelled"),
        ("status", "falha", "outcome", "failed"),
        ("status", "Caixa Postal", "outcome", "caixa postal"),
        ("status", 5, "outcome", "5"),
        ("status", True, "outcome", None),
        ("duracao", "100:00:01", "duration_seconds", 360001),
        ("duracao", "02:03", "duration_seconds", 123),
        ("duracao", 61, "duration_seconds", 61),
        ("duracao", "9" * 5000 + ":00:00", "duration_seconds", None),
        ("duracao", "1 min", "duration_seconds", None),
        ("valor", "1,50", "price_brl", Decimal("1.50")),
        ("valor", 0.5, "price_brl", Decimal("0.5")),
        ("valor", "R$ 1", "price_brl", None),
        ("valor", "9" * 5000, "price_brl", None),
        ("inicio", "29/01/2024", "started_at", None),
        ("inicio", None, "started_at", None),
        ("callerid", 42, "callerid", "42"),
        ("gravacao_link", "", "recording_url", None),
        ("campos", [], "tags", {}),
        ("campos", [{"campo": "a", "valor": "b"}, {"campo": "c", "valor": 1}, {"x": 1}], "tags", {"a": "b", "c": "1"}),
        ("campos", ["zero", "one"], "tags", {"0": "zero", "1": "one"}),
        ("campos", "x", "tags", {}),
    ],
)
def test_one_field_of_a_statement_row(field: str, value: object, attribute: str, read: object) -> None:
    (row,) = first_page(STATEMENT, ok(msg=[{**ROW, field: value}]))
    assert getattr(row, attribute) == read


def test_statement_row_for_an_xcom() -> None:
    (row,) = first_page(STATEMENT, ok(msg=[ROW]))
    assert row.as_xcom() == {
        "callerid": UUID,
        "origin": "5511*****0001",
        "destination": "5511*****0001",
        "started_at": "2024-01-29T23:36:46-03:00",
        "duration_seconds": 123,
        "outcome": "answered",
        "price_brl": "0.1250",
        "recording_url": None,
        "tags": {"CPF": "1", "n": "5", "e": ""},
    }
    assert row.as_xcom(include_numbers=True)["origin"] == A
    (empty,) = first_page(STATEMENT, ok(msg=[{}]))
    assert [value for value in empty.as_xcom().values() if value is not None] == [{}]


@pytest.mark.parametrize("msg", [[], None, ""], ids=["empty list", "null", "empty text"])
def test_statement_of_nothing(msg: object) -> None:
    assert first_page(STATEMENT, ok(msg=msg, paginas=0)) == ()


def test_rows_numbered_with_gaps() -> None:
    rows = first_page(STATEMENT, ok(msg={"0": ROW, "2": {**ROW, "callerid": "b"}}))
    assert [row.callerid for row in rows] == [UUID, "b"]


def test_one_row_without_its_list() -> None:
    assert [row.callerid for row in first_page(STATEMENT, ok(msg=ROW))] == [UUID]


@pytest.mark.parametrize("paginas", ["", None, "x", [], 1.5])
def test_number_of_pages_that_is_none(paginas: object) -> None:
    assert answer(STATEMENT.page(1), ok(msg=[], paginas=paginas)).total_pages is None


def test_statement_of_messages() -> None:
    row = {"origem": B, "destino": A, "inicio": "2024-01-29 10:00:00", "tipo": "texto", "texto": "oi", "status": "entregue"}
    row |= {"callerid": "1", "id_mensagem": 107, "valor": "0.09", "campos": {"a": "b"}}
    (read,) = first_page(m.list_messages(DAY, DAY), ok(msg=[row]))
    assert (read.callerid, read.message_id, read.kind, read.text) == ("1", "107", "texto", "oi")
    assert (read.state, read.price_brl, read.tags, read.key) == (MessageState.DELIVERED, Decimal("0.09"), {"a": "b"}, "107")
    assert read.as_xcom() == {
        "callerid": "1",
        "message_id": "107",
        "destination": "5511*****0001",
        "sent_at": "2024-01-29T10:00:00-03:00",
        "state": "delivered",
        "price_brl": "0.09",
        "tags": {"a": "b"},
    }
    (bare,) = first_page(m.list_messages(DAY, DAY), ok(msg=[{"callerid": "1", "destino": A}]))
    (empty,) = first_page(m.list_messages(DAY, DAY), ok(msg=[{}]))
    assert (bare.key, bare.state, empty.key) == (("1", A), MessageState.UNKNOWN, None)


OLD_NUMBERS = (
    b'[{"api":"did","modulo":"did-list","status":"ok","codigo":"000","msg":[],\n'
    b' "data":"[{\\"DIS_ID\\":\\"4130000001\\",\\"DIS_CID\\":\\"2600\\",\\"DIS_LOGIN\\":\\"LOGIN\\",\\"DIS_PASS\\":\\"SENHA\\",'
    b'\\"DIS_IP\\":\\"0.0.0.0\\",\\"DIS_PROXY\\":\\"0.0.0.0\\",\\"DIS_REGENERADOR\\":\\"\\"}]"}]'
)


def test_numbers_in_the_old_shape() -> None:
    (number,) = answer(m.list_numbers(), OLD_NUMBERS)
    assert (number.did, number.login, number.raw["DIS_CID"]) == ("4130000001", "LOGIN", "2600")
    assert "SENHA" not in repr(number) + repr(number.raw)


@pytest.mark.parametrize("name", ["DIS_PASS", "pass", "password", "Senha", "sip_password", "secret"])
def test_numbers_in_a_newer_shape_without_any_password(name: str) -> None:
    (number,) = answer(m.list_numbers(), ok(msg=[], data=[{"did": 4130000001, "login": "L", name: "s3nha", "x": 1}]))
    assert (number.did, number.login, number.raw) == ("4130000001", "L", {"did": 4130000001, "login": "L", "x": 1})


NEW_RULES = (
    b'{"api":"did","modulo":"did-route","status":"ok","codigo":"000","msg":[],'
    b'"data":[{"dpId":"18000","did":"4130000001","priority":"2","action":"fwd",'
    b'"data":{"phone":"551130000002","wait":12},"timeout":null}]}'
)
OLD_RULES = (
    b'[{"api":"did","modulo":"did-route","status":"ok","codigo":"000","msg":[],'
    b'"data":"[{\\"DP_ID\\":18000,\\"DIS_ID\\":\\"4130000001\\",\\"DP_PRI\\":2,\\"DP_ACTION\\":\\"fwd\\",'
    b'\\"DP_DATA\\":\\"{\\\\\\"phone\\\\\\":\\\\\\"551130000002\\\\\\",\\\\\\"wait\\\\\\":12}\\",\\"DP_TIMEOUT\\":null}]"}]'
)


@pytest.mark.parametrize("body", [NEW_RULES, OLD_RULES], ids=["new", "old"])
def test_rules(body: bytes) -> None:
    (rule,) = answer(m.list_rules("4130000001"), body)
    assert (rule.rule_id, rule.did, rule.priority, rule.action, rule.timeout) == ("18000", "4130000001", 2, "fwd", None)
    assert rule.data == {"phone": "551130000002", "wait": 12}
    assert "3000" not in repr(rule)


@pytest.mark.parametrize("data", [[], {}, "", None, "[]", "{}"])
def test_rule_without_data(data: object) -> None:
    (rule,) = answer(m.list_rules("4130000001"), ok(msg=[], data=[{"action": "hangup", "data": data, "priority": "x"}]))
    assert (rule.action, rule.data, rule.priority, rule.rule_id) == ("hangup", {}, None, None)


@pytest.mark.parametrize("data", [[], "[]", "", None])
def test_number_without_rules(data: object) -> None:
    assert answer(m.list_rules("4130000001"), ok(msg=[], data=data)) == ()


def test_saved_rule() -> None:
    rule = answer(m.save_rule("4130000001", answer(m.list_rules("4130000001"), NEW_RULES)[0]), NEW_RULES)
    assert rule.rule_id == "18000"


def test_sound() -> None:
    body = (
        b'{"api":"did","modulo":"did-save","status":"ok","codigo":"000","msg":"Arquivo de audio cadastrado com sucesso",'
        b'"data":{"soundId":150,"clientDct":"2600","name":"Nome do Audio","path":"audios\\/2600_Nome_do_Audio.mp3"}}'
    )
    sound = answer(m.add_sound("Nome do Audio", b"\xff"), body)
    assert (sound.sound_id, sound.name, sound.path) == (150, "Nome do Audio", "audios/2600_Nome_do_Audio.mp3")
    assert answer(m.add_sound("x", b"\xff"), ok(data=[{"soundId": "151"}])).sound_id == 151


def test_carrier() -> None:
    body = (
        b'{"OPERADORA_ORIGEM":"Claro","NUMERO":"11990000001","OPERADORA_ATUAL":"Vivo","CODE_OPR":"021","DATA_MIGRACAO":""}'
    )
    carrier = answer(m.lookup_carrier(A), body)
    assert (carrier.current, carrier.original, carrier.code, carrier.ported_on) == ("Vivo", "Claro", "021", None)
    assert carrier.number == "11990000001"
    assert carrier.number not in repr(carrier)
    ported = answer(m.lookup_carrier(A), {"OPERADORA_ATUAL": "Vivo", "DATA_MIGRACAO": "2020-05-06 00:00:00"})
    assert ported.ported_on == date(2020, 5, 6)


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + SENT,
        b"\n  " + SENT + b"\r\n",
        b"[" + SENT + b"]",
        SENT.replace(b'"000"', b"0"),
        SENT.replace(b'"000"', b'"001"'),
        SENT.replace(b'"ok"', b'" OK "'),
        SENT.replace(b'"status":"ok",', b""),
        SENT.replace(b'"codigo":"000",', b""),
        SENT.replace(b"sucessso", "sucessso à ação".encode()),
        SENT.replace(b"sucessso", "sucessso à ação".encode("latin-1")),
        SENT.replace(b"sucessso", b"line\nend\tand tab"),
    ],
    ids=["BOM", "blanks", "outer list", "code 0", "code 001", "OK", "no status", "no code", "UTF-8", "Latin-1", "raw controls"],
)
def test_the_same_reply_in_other_clothes(body: bytes) -> None:
    assert answer(m.send_sms(A, "x"), body).callerid == "10000000000001"
    assert answer(m.send_sms(A, "x"), body, status=500).callerid == "10000000000001"


def test_latin_1_is_read_as_such() -> None:
    body = '{"status":"ok","codigo":"000","msg":"Ligação não atendida"}'.encode("latin-1")
    assert answer(m.end_call(A, B), body).text == "Ligação não atendida"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<html><body>Bad Gateway</body></html>",
        b"null",
        b"[]",
        b"[1]",
        b'"text"',
        b'{"status":"ok","codigo":"000","callerid":"1',
        SENT + SENT,
        b"[" + SENT + b"," + SENT + b"]",
        b"[" * 100_000,
        b"{}",
        b'{"callerid":"1","msg":"no envelope"}',
        b'{"error":"Internal Server Error"}',
        b'{"error":{"code":500}}',
        b'{"status":"ok","codigo":"000"}',
        b'{"status":"ok","codigo":"000","callerid":{}}',
        b'{"status":"ok","codigo":"000","callerid":""}',
        b'{"status":"ok","codigo":"000","callerid":"1","detalhe":"x"}',
        b"\x00\x01\xff",
    ],
)
def test_a_reply_that_does_not_fit(body: bytes) -> None:
    with pytest.raises(DirectcallOutcomeUnknown, match="send_message: the reply"):
        answer(m.send_sms(A, "x"), body)


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (STATEMENT.page(1), ok()),
        (STATEMENT.page(1), {}),
        (STATEMENT.page(1), {"msg": []}),
        (STATEMENT.page(1), {"error": "Internal Server Error"}),
        (STATEMENT.page(1), ok(msg="Nenhum registro")),
        (STATEMENT.page(1), ok(msg=[1])),
        (m.list_rules("4130000001"), ok(msg=[])),
        (m.list_rules("4130000001"), ok(msg=[], data="{")),
        (m.list_rules("4130000001"), ok(msg=[], data=[{"priority": 1}])),
        (m.list_rules("4130000001"), ok(msg=[], data=[{"action": "fwd", "data": [1]}])),
        (m.list_rules("4130000001"), ok(msg=[], data=5)),
        (m.list_numbers(), ok(msg=[], data=[{"x": 1}])),
        (m.end_call(A, B), {"msg": "fine"}),
        (m.add_call_callback("http://a"), ok(msg="no code")),
        (m.lookup_carrier(A), {"NUMERO": "x"}),
        (m.request_token(SETTINGS), {"access_token": None}),
        (m.request_token(SETTINGS), {"access_token": 5}),
        (m.create_cipher(SETTINGS), {"cipher": []}),
        (m.create_cipher(SETTINGS), {"cipher": {"x": 1}}),
        (m.scheduled_call_status(A, "1"), ok(retorno=[{"msg": "x"}])),
    ],
)
def test_a_query_whose_answer_does_not_fit_has_no_answer(request_: object, body: object) -> None:
    """Never an empty list: "nothing was found" would be a lie with consequences."""
    with pytest.raises(DirectcallReplyError):
        answer(request_, body)


@pytest.mark.parametrize(
    "request_",
    [m.upload_audio(b"\xff"), m.add_sound("x", b"\xff"), m.save_rule("4130000001", answer(m.list_rules("4130000001"), NEW_RULES)[0])],
)
@pytest.mark.parametrize("fields", [{}, {"audio_id": {}, "data": []}, {"audio_id": [], "data": {"dpId": 1}}])
def test_a_write_whose_answer_does_not_fit_may_have_taken_effect(request_: object, fields: dict[str, object]) -> None:
    with pytest.raises(DirectcallOutcomeUnknown):
        answer(request_, ok(msg="x", **fields))
