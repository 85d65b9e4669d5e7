from __future__ import annotations

import json

import pytest

MP3 = b"ID3" + bytes(100)
WAV = b"RIFF\x00\x00\x00\x00WAVEfmt "
DID = "1130000001"


def rules(api, did=DID):
    return api.post("/did/route", did=did).json()["data"]


def save(api, **fields):
    return api.post("/did/save", **{"did": DID, **fields}).json()


def test_numbers_carry_the_sip_password_as_the_vendor_does(api):
    reply = api.post("/did/list").json()
    assert (reply["modulo"], reply["msg"]) == ("did-list", [])
    assert [number["did"] for number in reply["data"]] == ["1130000001", "1130000002", "4130000001"]
    assert reply["data"][0].keys() == {"did", "cid", "login", "pass", "ip", "proxy", "regenerador"}


def test_each_number_starts_with_one_forward(api):
    assert rules(api) == [
        {
            "dpId": "18000",
            "did": DID,
            "priority": "1",
            "action": "fwd",
            "data": {"phone": "5511990000010", "wait": 12},
            "timeout": None,
        }
    ]
    assert [rule["dpId"] for rule in rules(api, "4130000001")] == ["18002"]


@pytest.mark.parametrize("did", ["", "1130000009"])
def test_rules_of_an_unknown_number(api, did):
    assert api.post("/did/route", did=did).json()["codigo"] == ("010" if did else "001")


def test_create_change_and_remove(api):
    created = save(api, priority="2", action="voicemail", **{"data[email]": "a@b.example", "data[week]": "6,7"})
    rule = created["data"]
    assert (created["modulo"], rule["dpId"], rule["priority"]) == ("did-save", "18003", "2")
    assert rule["data"] == {"email": "a@b.example", "week": "6,7"}
    changed = save(api, dpId="18003", priority="0")["data"]
    assert changed == {**rule, "priority": "0"}
    assert [one["dpId"] for one in rules(api)] == ["18003", "18000"]
    removed = api.post("/did/remove", did=DID, dpId="18003").json()
    assert (removed["status"], removed["modulo"]) == ("ok", "did-remove")
    assert [one["dpId"] for one in rules(api)] == ["18000"]
    assert api.server.state()["effects"] == {"tokens_issued": 1, "rules_saved": 2, "rules_removed": 1}


def test_ids_of_removed_rules_do_not_come_back(api):
    save(api, priority="2", action="hangup")
    api.post("/did/remove", did=DID, dpId="18003")
    assert save(api, priority="2", action="hangup")["data"]["dpId"] == "18004"


def test_new_data_replaces_the_old_and_unknown_fields_are_kept(api):
    save(api, dpId="18000", **{"data[phone]": "5511990000011", "data[colour.of day]": "blue"})
    assert rules(api)[0]["data"] == {"phone": "5511990000011", "colour.of day": "blue"}


def test_an_empty_map_is_an_empty_list_as_in_php(api):
    assert save(api, priority="2", action="hangup")["data"]["data"] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"did": "", "action": "hangup"},
        {"action": ""},
        {"action": "dance"},
        {"action": "hangup", "priority": "first"},
        {"action": "hangup", "priority": ""},
        {"action[]": "hangup"},
        {"action": "fwd"},
        {"action": "fwd", "data[phone]": "123"},
        {"action": "fwd", "data[phone]": "5511990000011", "data[wait]": "long"},
        {"action": "fwd", "data[phone]": "5511990000011", "data[record]": "yes"},
        {"action": "voicemail"},
        {"action": "voicemail", "data[email]": "nobody"},
        {"action": "sound", "data[soundId]": "1"},
        {"action": "hangup", "data[week]": "0"},
        {"action": "hangup", "data[start]": "25:00"},
        {"action": "hangup", "data[end]": "9:00"},
        {"action": "hangup", "data[source]": "x"},
        {"action": "hangup", "data": "x"},
    ],
)
def test_bad_writes_are_refused(api, fields):
    reply = save(api, **{"priority": "2", **fields})
    assert reply["status"] == "erro"
    assert reply["codigo"] in {"001", "010"}
    assert len(rules(api)) == 1
    assert "rules_saved" not in api.server.state()["effects"]


@pytest.mark.parametrize("rule_id", ["1", "18001"])
def test_rules_of_others_are_010(api, rule_id):
    assert save(api, dpId=rule_id, priority="3")["codigo"] == "010"
    assert api.post("/did/remove", did=DID, dpId=rule_id).json()["codigo"] == "010"


def test_a_changed_action_needs_its_data(api):
    assert save(api, dpId="18000", action="voicemail")["codigo"] == "001"
    assert save(api, dpId="18000", action="hangup")["status"] == "ok"


@pytest.mark.parametrize(("content", "suffix"), [(MP3, "mp3"), (WAV, "wav")])
def test_sounds_are_for_rules(api, content, suffix):
    reply = api.post("/did/add-sound", files={"audio": ("x", content)}, nome="Bom dia!").json()
    assert reply == {
        "api": "did",
        "modulo": "did-save",
        "status": "ok",
        "codigo": "000",
        "msg": "Arquivo de audio cadastrado com sucesso",
        "data": {"soundId": 150, "clientDct": "2600", "name": "Bom dia!", "path": f"audios/2600_Bom_dia_.{suffix}"},
    }
    rule = save(api, priority="0", action="sound", **{"data[soundId]": "150", "data[moment]": "start"})["data"]
    assert rule["data"] == {"soundId": 150, "moment": "start"}


def test_sounds_that_are_refused(api):
    for files, name in (
        ({"audio": ("x", b"text")}, "n"),
        ({"audio": ("x", MP3 + bytes(1024 * 1024))}, "n"),
        ({"audio": ("x", MP3)}, ""),
        (None, "n"),
    ):
        assert api.post("/did/add-sound", files=files, nome=name).json()["codigo"] == "001"
    assert api.server.state()["sounds"] == []


def test_the_old_shape(start):
    api = start(quirks=frozenset({"old_did"}))
    [numbers] = api.post("/did/list").json()
    assert json.loads(numbers["data"])[0].keys() == {
        "DIS_ID",
        "DIS_CID",
        "DIS_LOGIN",
        "DIS_PASS",
        "DIS_IP",
        "DIS_PROXY",
        "DIS_REGENERADOR",
    }
    for name in ("did", "DIS_ID"):
        [routes] = api.post("/did/route", **{name: DID}).json()
        assert json.loads(routes["data"]) == [
            {
                "DP_ID": "18000",
                "DIS_ID": DID,
                "DP_PRI": "1",
                "DP_ACTION": "fwd",
                "DP_DATA": {"phone": "5511990000010", "wait": 12},
                "DP_TIMEOUT": None,
            }
        ]
    [saved] = api.post("/did/save", did=DID, priority="1", action="hangup").json()
    assert json.loads(saved["data"])["DP_ID"] == "18003"


def test_write_outside_the_api_can_set_more_fields(api):
    api.server.write_rule(did=DID, dpId="18000", label="panel", timeout="30", priority="4")
    [rule] = rules(api)
    assert (rule["label"], rule["timeout"], rule["priority"]) == ("panel", "30", "4")
    save(api, dpId="18000", priority="5", label="ours", timeout="")
    [rule] = rules(api)
    assert (rule["label"], rule["timeout"], rule["priority"]) == ("ours", "30", "5")
    assert api.server.state()["effects"]["rules_saved"] == 1
    api.server.write_rule(did=DID, remove="18000")
    assert rules(api) == []
