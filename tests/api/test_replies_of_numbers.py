"""Replies about numbers, rules, sounds and carriers, parsed from literal bytes."""

from __future__ import annotations

from datetime import date

import pytest

from airflow_provider_directcall.api import methods as m

from .replying import NEW_RULES, A, answer, ok

OLD_NUMBERS = (
    b'[{"api":"did","modulo":"did-list","status":"ok","codigo":"000","msg":[],\n'
    b' "data":"[{\\"DIS_ID\\":\\"4130000001\\",\\"DIS_CID\\":\\"2600\\",\\"DIS_LOGIN\\":\\"LOGIN\\",'
    b'\\"DIS_PASS\\":\\"SENHA\\",'
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
        b'{"api":"did","modulo":"did-save","status":"ok","codigo":"000",'
        b'"msg":"Arquivo de audio cadastrado com sucesso",'
        b'"data":{"soundId":150,"clientDct":"2600","name":"Nome do Audio","path":"audios\\/2600_Nome_do_Audio.mp3"}}'
    )
    sound = answer(m.add_sound("Nome do Audio", b"\xff\xfb"), body)
    assert (sound.sound_id, sound.name, sound.path) == (150, "Nome do Audio", "audios/2600_Nome_do_Audio.mp3")
    assert answer(m.add_sound("x", b"\xff\xfb"), ok(data=[{"soundId": "151"}])).sound_id == 151


def test_carrier() -> None:
    body = (
        b'{"OPERADORA_ORIGEM":"Claro","NUMERO":"11990000001","OPERADORA_ATUAL":"Vivo",'
        b'"CODE_OPR":"021","DATA_MIGRACAO":""}'
    )
    carrier = answer(m.lookup_carrier(A), body)
    assert (carrier.current, carrier.original, carrier.code, carrier.ported_on) == ("Vivo", "Claro", "021", None)
    assert carrier.number == "11990000001"
    assert carrier.number not in repr(carrier)
    ported = answer(m.lookup_carrier(A), {"OPERADORA_ATUAL": "Vivo", "DATA_MIGRACAO": "2020-05-06 00:00:00"})
    assert ported.ported_on == date(2020, 5, 6)
    ported = answer(m.lookup_carrier(A), {"OPERADORA_ATUAL": "Vivo", "DATA_MIGRACAO": "06/05/2020"})
    assert ported.ported_on == date(2020, 5, 6)
