from __future__ import annotations

from datetime import datetime, timedelta

import pytest

DID = "1130000001"
CALLER = "5521990000001"
WEDNESDAY = datetime(2026, 3, 4, 12, 0)


@pytest.fixture
def rule(server):
    """Write rules; the default one goes first."""
    server.write_rule(did=DID, remove="18000")

    def write(priority, action, **data):
        fields = {f"data[{name}]": str(value) for name, value in data.items()}
        server.write_rule(did=DID, priority=str(priority), action=action, **fields)
        return server.state()["rules"][DID][-1]["dpId"]

    return write


@pytest.fixture
def ring(server):
    def call(at=WEDNESDAY, source=CALLER, **options):
        return server.receive_call(DID, source, at=at, **options)

    return call


def test_the_default_rule_forwards(server):
    answer = server.receive_call(DID, CALLER)
    assert (answer["action"], answer["rule_id"], answer["phone"]) == ("fwd", "18000", "5511990000010")
    assert answer["answered"] is True


def test_an_unknown_number_is_an_error(api):
    reply = api.http.post("/_sandbox/incoming", json={"did": "1", "source": CALLER})
    assert reply.status_code == 422
    assert "010" in reply.json()["error"]


def test_call_is_unanswered_without_rules(rule, ring):
    answer = ring()
    assert (answer["action"], answer["answered"], answer["tried"]) == (None, False, [])


MAIL = ("voicemail", {"email": "a@b.example"})


@pytest.mark.parametrize(
    ("rules", "action", "tried"),
    [
        ([(20, "hangup", {}), (3, *MAIL)], "voicemail", ["18004"]),
        ([(1, *MAIL), (1, "hangup", {})], "voicemail", ["18003"]),
        ([(1, "fwd", {"phone": "5511990000002", "wait": 3}), (2, "hangup", {})], "hangup", ["18003", "18004"]),
        ([(1, "fwd", {"phone": "5511990000002", "wait": 0})], None, ["18003"]),
    ],
    ids=["ascending priority", "equal priorities by age", "wait shorter than the ringing", "no wait at all"],
)
def test_order_of_rules_and_waits_decide_which_rule_answers(rule, ring, rules, action, tried):
    for priority, kind, data in rules:
        rule(priority, kind, **data)
    answer = ring()
    assert (answer["action"], answer["tried"]) == (action, tried)


def test_a_forward_that_is_not_answered_falls_through(rule, ring):
    rule(1, "fwd", phone="5511990000480", wait=20)
    rule(2, "fwd", phone="5511990000486", wait=15)
    last = rule(3, "fwd", phone="5511990000002", wait=10, record="s")
    answer = ring()
    assert (answer["rule_id"], len(answer["tried"]), answer["waited"]) == (last, 3, 39)
    assert answer["recorded"] is True


def test_unanswered_phone_falls_through(rule, ring):
    rule(1, "fwd", phone="5511990000002")
    assert ring()["phone"] == "5511990000002"
    answer = ring(unanswered=["5511990000002"])
    assert (answer["action"], answer["waited"]) == (None, 30)


def test_a_first_sound_plays_and_goes_on_a_last_one_ends(api, rule, ring):
    for _ in range(2):
        api.post("/did/add-sound", files={"audio": ("x", b"ID3...")}, nome="n")
    rule(1, "sound", soundId=150, moment="start")
    rule(2, "sound", soundId=151, moment="end")
    rule(3, "hangup")
    answer = ring()
    assert (answer["action"], answer["played"]) == ("sound", [150, 151])


@pytest.mark.parametrize(
    ("data", "at", "holds"),
    [
        ({"week": "1,2,3,4,5"}, WEDNESDAY, True),
        ({"week": "1,2,4,5,6,7"}, WEDNESDAY, False),
        ({"week": "7"}, WEDNESDAY + timedelta(days=4), True),
        ({"start": "12:00", "end": "18:00"}, WEDNESDAY, True),
        ({"start": "08:00", "end": "12:00"}, WEDNESDAY, False),
        ({"start": "08:00", "end": "12:00"}, WEDNESDAY - timedelta(seconds=1), True),
        ({"start": "12:01"}, WEDNESDAY, False),
        ({"start": "09:00"}, WEDNESDAY, True),
        ({"end": "12:00"}, WEDNESDAY, False),
        ({"end": "12:01"}, WEDNESDAY, True),
        ({"start": "22:00", "end": "06:00"}, WEDNESDAY, False),
        ({"start": "22:00", "end": "06:00"}, WEDNESDAY.replace(hour=22), True),
        ({"start": "22:00", "end": "06:00"}, WEDNESDAY.replace(hour=5, minute=59), True),
        ({"start": "22:00", "end": "06:00"}, WEDNESDAY.replace(hour=6), False),
        ({"start": "09:00", "end": "09:00"}, WEDNESDAY, True),
        ({"week": "3", "start": "22:00", "end": "06:00"}, WEDNESDAY.replace(hour=3), True),
        ({"week": "2", "start": "22:00", "end": "06:00"}, WEDNESDAY.replace(hour=3), False),
        ({"source": CALLER}, WEDNESDAY, True),
        ({"source": "5521990000009;21990000001"}, WEDNESDAY, True),
        ({"source": "5521990000009"}, WEDNESDAY, False),
        ({"week": "3", "start": "09:00", "end": "18:00", "source": CALLER}, WEDNESDAY, True),
        ({"week": "3", "start": "09:00", "end": "18:00", "source": "1"}, WEDNESDAY, False),
    ],
)
def test_conditions(rule, ring, data, at, holds):
    rule(1, "hangup", **data)
    assert ring(at)["action"] == ("hangup" if holds else None)


def test_conditions_are_in_local_time(rule, api):
    rule(1, "hangup", start="12:00", end="12:01")
    body = {"did": DID, "source": CALLER, "at": "2026-03-04T15:00:30+00:00"}
    assert api.http.post("/_sandbox/incoming", json=body).json()["action"] == "hangup"


def test_received_calls_are_in_the_statement(api, rule, ring):
    rule(1, "fwd", phone="5511990000002", record="s")
    ring(WEDNESDAY - timedelta(hours=4))
    ring(WEDNESDAY - timedelta(hours=3), unanswered=["5511990000002"])
    ring(WEDNESDAY - timedelta(hours=3), keep=False)
    answered, missed = api.rows(tipoFiltro="todas")
    assert answered["gravacao_link"]
    del answered["gravacao_link"], answered["callerid"], missed["callerid"]
    assert answered == {
        "origem": CALLER,
        "destino": f"55{DID}",
        "inicio": "2026-03-04 08:00:00",
        "duracao": "00:00:30",
        "status": "atendida",
        "tipo": "recebida",
        "valor": "0.0000",
        "campos": [],
    }
    assert (missed["status"], missed["duracao"]) == ("nao atendida", "00:00:00")
    assert api.server.state()["effects"]["calls_received"] == 2


@pytest.mark.parametrize(
    ("action", "data", "status"), [("voicemail", {"email": "a@b.example"}, "atendida"), ("hangup", {}, "nao atendida")]
)
def test_statement_status_of_other_actions(api, rule, ring, action, data, status):
    rule(1, action, **data)
    ring(WEDNESDAY - timedelta(hours=4))
    assert api.rows(tipoFiltro="todas")[0]["status"] == status
