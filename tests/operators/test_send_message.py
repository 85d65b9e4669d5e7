"""Sending an SMS or a voice message as a task."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import ObjectStoragePath

from airflow_provider_directcall.api.client import Client
from airflow_provider_directcall.api.replies import Recipient, SentMessage
from airflow_provider_directcall.api.replies.envelope import Reply
from airflow_provider_directcall.delivery.messages import MessageErrand
from airflow_provider_directcall.errors import DirectcallOutcomeUnknown, DirectcallRefused

from ..airflow_world.message_tasks import MP3, OTHER, both_operators, message, sent, voice
from ..airflow_world.world import NO_BALANCE, ORIGIN, PERSON, REFUSED_NUMBER

# Failures before sending


@both_operators
def test_refusal_without_balance_is_final(run, world, operator):
    with pytest.raises(AirflowFailException, match="201"):
        run.start(message(operator, NO_BALANCE))
    assert sent(world) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"destination": "123"}, "destination"),
        ({"destination": []}, "destination"),
        ({"destination": "[5511990000001"}, "destination: the text is neither JSON"),
        ({"destination": [PERSON, PERSON]}, "appears twice"),
        ({"destination": [f"551199000{n:04}" for n in range(11)]}, "as_csv"),
        ({"destination": {"a": 1}}, "destination: a text or a list of texts is needed"),
        ({"text": " "}, "text"),
        ({"text": "x" * 701}, "700"),
        ({"tags": "['contact']"}, "tags: a mapping"),
        ({"send_at": "2026-13-01"}, "send_at"),
        ({"short_number": "maybe"}, "short_number"),
        ({"short_number": False, "wait_for_delivery": True}, "wait_for_delivery: without short_number"),
        ({"wait_for_delivery": True, "fail_on": "lost"}, "fail_on: there is no lost"),
        ({"fail_on": "failed"}, "fail_on"),
    ],
)
def test_a_wrong_argument_fails_for_good_before_anything_is_sent(run, world, arguments, named):
    with pytest.raises(AirflowFailException, match=named):
        run.start(message(**arguments))
    assert "sms/send" not in world.sandbox.state()["requests"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "exactly one"),
        ({"text": "oi", "audio_id": "1"}, "text, audio_id: only one of them can be given"),
        ({"text": "oi", "attempts": 0}, "attempts"),
        ({"text": "oi", "attempts": "2.5"}, "attempts: a whole number"),
        ({"text": "oi", "attempts": "many"}, "attempts: a number"),
        ({"text": "oi", "hours": (9, 24)}, "hours"),
        ({"text": "oi", "hours": "9"}, "hours: two hours"),
        ({"audio": "nowhere://x/y.mp3"}, "nowhere"),
    ],
)
def test_wrong_arguments_of_a_voice_message(run, world, arguments, named):
    with pytest.raises(AirflowFailException, match=named):
        run.start(voice(**arguments))
    assert "sms/send" not in world.sandbox.state()["requests"]


def test_refusal_of_all_recipients_is_final(run, world):
    with pytest.raises(AirflowFailException) as caught:
        run.start(message(destination=[NO_BALANCE, REFUSED_NUMBER]))
    assert isinstance(caught.value.__cause__, DirectcallRefused)
    assert sent(world) == []


def refusing(code):
    refused = tuple(
        Recipient(number=number, message_id=None, refusal_code=code, refusal="x") for number in (PERSON, OTHER)
    )
    return SentMessage(callerid="10000000000001", recipients=refused, text="", raw={})


@pytest.mark.parametrize("code", ["008", "999"])
def test_refusal_of_each_recipient_that_may_come_after_the_effect_is_unknown(code):
    errand = MessageErrand(kind="SMS", destinations=[PERSON, OTHER])
    with pytest.raises(DirectcallOutcomeUnknown, match=f"the first with code {code}") as caught:
        errand.accepted(refusing(code))
    assert caught.value.code == code


WORDS = [{"status": "enviada"}, {"status": "aceita"}, {"codigo": "008"}, {"codigo": "201", "msg": "Mensagem enviada"}]


@pytest.mark.parametrize(("word", "accepted"), [*zip(WORDS, [True, None, None, None], strict=True)], ids=str)
def test_recipient_without_an_id_counts_as_refused_by_proof_only(run, monkeypatch, logged, word, accepted):
    detail = [
        {"destino": PERSON, "id_mensagem": 7},
        {"destino": OTHER, **word},
        {"destino": NO_BALANCE, "codigo": "201"},
    ]
    answer = {"status": "ok", "codigo": "000", "callerid": "10000000000001", "detalhe": detail}
    monkeypatch.setattr(Client, "send", lambda _, request: request.read(Reply(answer, ZoneInfo("UTC"))))
    result = run.start(message(destination=[PERSON, OTHER, NO_BALANCE, REFUSED_NUMBER]))
    assert [recipient["accepted"] for recipient in result["recipients"]] == [True, accepted, False, None]
    assert ("1 of 3 recipients were neither" in logged()) == (accepted is None)


@pytest.mark.parametrize(
    ("answered", "places"),
    [
        (["5511990000001", "5511990000002"], [0, 1]),
        (["5511990000002", "5511990000001"], [1, 0]),
        (["11990000002", " 55 11 99000-0001"], [1, 0]),
        (["1190000002", "1190000001"], [1, 0]),
        (["", ""], [0, 1]),
        (["", "5511990000001"], [None, 0]),
        (["5521990000001", "5511990000001"], [None, 0]),
        (["5599888877777", "5511990000002"], [None, 1]),
        (["5521990000001", ""], [None, 1]),
        (["990000002", "90000001"], [1, 0]),
        (["5511990000001", "5511990000001", "5511990000002"], [0, None, 1]),
    ],
)
def test_recipients_of_the_answer_are_matched_to_those_asked_for(answered, places):
    errand = MessageErrand(kind="SMS", destinations=["5511990000001", "5511990000002"])
    recipients = tuple(Recipient(number=number, message_id="7") for number in answered)
    accepted = errand.accepted(SentMessage(callerid="1", recipients=recipients, text="", raw={}))
    assert [place for place, _, _ in accepted.recipients] == places


def test_refusal_of_each_recipient_is_an_error(run, world, monkeypatch):
    monkeypatch.setattr(Client, "send", lambda *arguments: refusing("201"))
    with pytest.raises(AirflowFailException, match="all 2 recipients were refused, the first with code 201"):
        run.start(message(destination=[PERSON, OTHER]))
    assert run.ti.xcoms == {}
    assert run.store.record["phase"] == "not_sent"


# Requests and results


def test_an_sms_with_everything_that_was_asked_for(run, world):
    at = world.now() + timedelta(hours=1)
    task = message(
        origin="LOJA",
        tags={"contact": "7"},
        send_at=at,
        show_origin=True,
        reply_email="replies@example.com",
    )
    result = run.start(task)
    (made,) = sent(world)
    assert (made["origin"], made["destination"], made["text"]) == ("LOJA", PERSON, "bom dia")
    key = result["airflow_key"]
    assert made["tags"] == {"contact": "7", "airflow_key": key}
    assert (made["show_origin"], made["short_number"]) == (True, True)
    assert made["reply_email"] == "replies@example.com"
    assert made["starts_at"] == pytest.approx(at.timestamp(), abs=1)
    assert result == {
        "callerid": made["callerid"],
        "recipients": [
            {
                "destination": "5511*****0001",
                "message_id": str(made["message_id"]),
                "accepted": True,
                "refusal_code": None,
            }
        ],
        "state": "sent",
        "airflow_key": key,
    }
    assert run.ti.xcoms == {"callerid": made["callerid"]}


@pytest.mark.parametrize(
    "destination",
    [
        [PERSON, OTHER],
        (PERSON, OTHER),
        f"{PERSON};{OTHER}",
        f"{PERSON}, {OTHER}",
        json.dumps([PERSON, OTHER]),
        str([PERSON, OTHER]),
        str((int(PERSON), int(OTHER))),
        "{{ people }}",
        "{{ people | join(';') }}",
        ["{{ people[0] }}", "{{ people[1] }}"],
    ],
)
def test_several_destinations_however_they_are_written(run, world, destination):
    run.context["people"] = [PERSON, OTHER]
    result = run.start(message(destination=destination, include_numbers=True))
    assert [recipient["destination"] for recipient in result["recipients"]] == [PERSON, OTHER]
    assert [made["destination"] for made in sent(world)] == [PERSON, OTHER]


def test_many_destinations_go_as_a_file(run, world):
    people = [f"551199000{n:04}" for n in range(1, 41)]
    run.start(message(destination=people, as_csv="{{ 1 == 1 }}"))
    assert [made["destination"] for made in sent(world)] == people


def test_partial_refusal_is_in_the_result_and_in_the_log(run, world, logged):
    result = run.start(message(destination=[PERSON, NO_BALANCE, OTHER]))
    recipients = [(recipient["accepted"], recipient["refusal_code"]) for recipient in result["recipients"]]
    assert recipients == [(True, None), (False, "201"), (True, None)]
    assert "1 of 3 recipients were refused" in logged()
    assert len(sent(world)) == 2


def test_a_voice_message_with_everything_that_was_asked_for(run, world):
    task = voice(text="Olá", origin=ORIGIN, attempts="{{ 2 }}", hours="{{ (9, 18) }}", tags='{"contact": 7}')
    result = run.start(task)
    (made,) = sent(world)
    assert (made["kind"], made["text"], made["attempts"]) == ("voz", "Olá", 2)
    assert (made["window_from"], made["window_to"]) == (9, 18)
    assert made["tags"] == {"contact": "7", "airflow_key": result["airflow_key"]}


@pytest.mark.parametrize("kind", [str, Path, ObjectStoragePath, "file://{}".format])
def test_an_audio_is_read_when_the_task_runs(run, world, tmp_path, kind):
    path = tmp_path / "greeting.mp3"
    task = voice(audio=kind(str(path)))
    path.write_bytes(MP3)
    run.start(task)
    (made,) = sent(world)
    assert made["audio"] == f"sha256:{hashlib.sha256(MP3).hexdigest()}"


def test_an_audio_path_can_be_a_template(run, world, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__DIRECTCALL__AUDIO_SOURCES", str(tmp_path))
    (tmp_path / "7.mp3").write_bytes(MP3)
    run.context["id"] = 7
    run.start(voice(audio=f"{tmp_path}/{{{{ id }}}}.mp3"))
    assert sent(world)[0]["audio"] == f"sha256:{hashlib.sha256(MP3).hexdigest()}"


@pytest.mark.parametrize("kind", [str, ObjectStoragePath])
def test_a_missing_audio_is_named(run, world, tmp_path, kind):
    with pytest.raises(FileNotFoundError, match=r"no file 'missing\.mp3'"):
        run.start(voice(audio=kind(str(tmp_path / "missing.mp3"))))
    assert sent(world) == []


def test_a_directory_is_no_audio(run, tmp_path):
    with pytest.raises(AirflowFailException, match="is a directory"):
        run.start(voice(audio=tmp_path))


@pytest.mark.parametrize(
    ("content", "named"), [(b"RIFF....WAVE", "WAV"), (b"", "empty"), (MP3 + b"\0" * (4 << 20), "4 MB")]
)
def test_audio_that_the_vendor_rejects_is_not_sent(run, world, tmp_path, content, named):
    path = tmp_path / "audio.mp3"
    path.write_bytes(content)
    with pytest.raises(AirflowFailException, match=named):
        run.start(voice(audio=path))
    assert sent(world) == []
