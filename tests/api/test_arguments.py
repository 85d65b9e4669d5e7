"""Invalid arguments are rejected before anything is sent; errors name the argument and the rule, and mask the value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.requests import Listing, Request

A, B = "5511990000001", "5511990000002"
MP3 = b"\xff\xfb"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAIVE = datetime(2026, 3, 2, 12)
MEGABYTE = 1024 * 1024
MANY = [f"551199000{last:04d}" for last in range(11)]


def rule(**data: object) -> Rule:
    return Rule(action="fwd", data=data, priority=1)


def lot(*recipients: m.LotRecipient) -> Callable[[], object]:
    return lambda: m.send_lot(recipients, origin="LOJA")


def tagged(name: object, value: object = "x") -> Callable[[], object]:
    return lambda: m.place_call(A, B, tags={name: value})


#: Call with a wrong argument -> parts of the error.
BAD: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    # numbers
    "no number": (lambda: m.place_call(A, "hello"), ("destination", "digits")),
    "impossible area": (lambda: m.place_call(A, "5520990000001"), ("destination", "DDD", "5520*****0001")),
    "old mobile": (lambda: m.place_call(A, "551190000001"), ("destination", "leading 9", "5511*****0001")),
    "bad origin": (lambda: m.place_call("12345", B), ("origin", "short")),
    "foreign call": (lambda: m.place_call(A, "0013125550123"), ("destination", "international", "0013*****0123")),
    "SIP by SMS": (lambda: m.send_sms("ip4130000001", "x"), ("destination", "SIP")),
    "foreign voice": (lambda: m.send_voice_message("+13125550123", text="x"), ("destination", "international")),
    "bad in a list": (lambda: m.send_sms([A, "1"], "x"), ("destination[1]", "short")),
    "no destination": (lambda: m.send_sms([], "x"), ("destination", "at least one")),
    "eleven": (lambda: m.send_sms(MANY, "x"), ("destination", "at most 10", "11", "as_csv=True")),
    "eleven by voice": (lambda: m.send_voice_message(MANY, text="x"), ("destination", "at most 10", "11")),
    "twice": (lambda: m.send_sms([A, "+55 11 99000-0001"], "x"), ("destination", "twice", "5511*****0001")),
    "fixed did": (lambda: m.list_rules("999"), ("did", "short")),
    "carrier of SIP": (lambda: m.lookup_carrier("ip4130000001"), ("number", "SIP")),
    "number in hang-up": (lambda: m.end_call(A, ""), ("destination",)),
    "number in a filter": (lambda: m.list_statement(NOON, NOON, origin="x"), ("origin",)),
    "number for a cipher": (lambda: m.create_cipher("x"), ("destination",)),
    # texts
    "empty text": (lambda: m.send_sms(A, "  \n"), ("text", "empty")),
    "text of 701": (lambda: m.send_sms(A, "x" * 701), ("text", "700", "701")),
    "text with origin": (lambda: m.send_sms(A, "x" * 696, origin="LOJA1", show_origin=True), ("text", "700", "701")),
    "text with number": (lambda: m.send_sms(A, "x" * 688, origin=B, show_origin=True), ("text", "700", "701")),
    "text with default": (lambda: m.send_sms(A, "x" * 688, show_origin=True), ("text", "700", "701")),
    "text of voice": (lambda: m.send_voice_message(A, text="x" * 701), ("text", "700")),
    "text is a number": (lambda: m.send_sms(A, 5), ("text", "int")),
    "NUL in text": (lambda: m.send_sms(A, "a\0b"), ("text", "NUL")),
    "half a character": (lambda: m.send_sms(A, "a\ud800b"), ("text", "half")),
    "sender with line end": (lambda: m.send_sms(A, "x", origin="LO\nJA"), ("origin", "control")),
    "no address": (lambda: m.send_sms(A, "x", reply_email="nobody"), ("reply_email", "e-mail")),
    "address with line end": (lambda: m.send_sms(A, "x", reply_email="a@b\nc"), ("reply_email", "control")),
    # tags
    "tags are text": (lambda: m.place_call(A, B, tags="a=b"), ("tags", "str")),
    "tag [": (tagged("a[b"), ("tags", "name", "[")),
    "tag ]": (tagged("a]b"), ("tags", "name", "]")),
    "tag quote": (tagged('a"b'), ("tags", "name", '"')),
    "tag backslash": (tagged("a\\b"), ("tags", "name", "\\")),
    "tag control": (tagged("a\tb"), ("tags", "name", "control")),
    "tag NUL": (tagged("a\0"), ("tags", "name", "control")),
    "tag DEL": (tagged("a\x7f"), ("tags", "name", "control")),
    "tag half a character": (tagged("a\udfff"), ("tags", "name", "half")),
    "tag empty": (tagged(""), ("tags", "name", "empty")),
    "tag blank": (tagged(" "), ("tags", "name", "empty")),
    "tag is a number": (tagged(1), ("tags", "name")),
    "tag search": (tagged("search"), ("tags", "search")),
    "tag 'search'": (tagged("'search'"), ("tags", "search")),
    "tag value number": (tagged("a", 1), ("tags", "'a'", "int")),
    "tag value none": (tagged("a", None), ("tags", "'a'", "NoneType")),
    "tag value NUL": (tagged("a", "\0"), ("tags", "'a'", "NUL")),
    "tag value of a number": (tagged("5511990000001", 1), ("tags", "5511*****0001")),
    "tag in a filter": (lambda: m.list_statement(NOON, NOON, tags={"[": "x"}), ("tags", "[")),
    # audio
    "WAV by voice": (lambda: m.send_voice_message(A, audio=b"RIFF....WAVE"), ("audio", "MP3", "WAV")),
    "a video": (lambda: m.upload_audio(b"RIFF....AVI "), ("audio", "MP3", "neither")),
    "a file of passwords": (lambda: m.add_sound("x", b"root:x:0:0:root:/root:/bin/bash"), ("audio", "neither")),
    "UTF-16": (lambda: m.add_sound("x", b"\xff\xfeI\0D\x003\0"), ("audio", "neither")),
    "AAC": (lambda: m.upload_audio(b"\xff\xf1P\x80"), ("audio", "neither")),
    "a text about ID3": (lambda: m.upload_audio(b"ID3 is a tag"), ("audio", "neither")),
    "Ogg sound": (lambda: m.add_sound("x", b"OggS..."), ("audio", "MP3 or WAV", "neither")),
    "empty audio": (lambda: m.upload_audio(b""), ("audio", "empty")),
    "audio is a path": (lambda: m.upload_audio("a.mp3"), ("audio", "bytes")),
    "MP3 over 4 MB": (lambda: m.upload_audio(b"\xff" * (4 * MEGABYTE + 1)), ("audio", "4 MB", "4.0 MB")),
    "voice over 4 MB": (lambda: m.send_voice_message(A, audio=b"\xff" * (5 * MEGABYTE)), ("audio", "4 MB", "5.0")),
    "sound over 1 MB": (lambda: m.add_sound("x", b"\xff" * (2 * MEGABYTE)), ("audio", "1 MB", "2.0")),
    "audio name": (lambda: m.upload_audio(MP3, name='a".mp3'), ("name", '"')),
    "audio folder": (lambda: m.send_voice_message(A, audio=MP3, audio_name="a/b.mp3"), ("name", "/")),
    "audio name with line end": (lambda: m.upload_audio(MP3, name="a\r\nb"), ("name", "control")),
    "sound without name": (lambda: m.add_sound(" ", MP3), ("name", "empty")),
    "sound type": (lambda: m.add_sound("x", MP3, content_type="a\r\nb: c"), ("content_type", "audio/mpeg")),
    "text and audio": (lambda: m.send_voice_message(A, text="x", audio=MP3), ("text, audio", "only one")),
    "nothing to say": (lambda: m.send_voice_message(A), ("exactly one",)),
    # times
    "naive schedule": (lambda: m.place_call(A, B, schedule_at=NAIVE), ("schedule_at", "time zone")),
    "naive send_at": (lambda: m.send_sms(A, "x", send_at=NAIVE), ("send_at", "time zone")),
    "naive since": (lambda: m.list_statement(NAIVE, NOON), ("since", "time zone")),
    "naive until": (lambda: m.list_recordings(NOON, NAIVE), ("until", "time zone")),
    "a date": (lambda: m.list_messages(date(2026, 1, 1), NOON), ("since", "date")),
    "a text as time": (lambda: m.received_messages("2026-01-01", NOON), ("since", "str")),
    "until before since": (lambda: m.list_statement(NOON, NOON - timedelta(seconds=1)), ("until", "before since")),
    "received backwards": (lambda: m.received_messages(NOON, NOON - timedelta(1)), ("until", "before since")),
    "attempts": (lambda: m.send_voice_message(A, text="x", attempts=0), ("attempts", "0")),
    "attempts as text": (lambda: m.send_voice_message(A, text="x", attempts="3"), ("attempts", "'3'")),
    "hours": (lambda: m.send_voice_message(A, text="x", hours=(8, 24)), ("hours", "24")),
    "one hour": (lambda: m.send_voice_message(A, text="x", hours=(8,)), ("hours", "8")),
    # ids, lots, rules, webhooks
    "empty id": (lambda: m.message_status(""), ("callerid", "id")),
    "id with blank": (lambda: m.cancel_message("1 2"), ("callerid", "id")),
    "id with NUL": (lambda: m.scheduled_call_status(A, "1\0"), ("schedule_id", "control")),
    "id of audio": (lambda: m.send_voice_message(A, audio_id=" "), ("audio_id", "id")),
    "filter word": (lambda: m.list_statement(NOON, NOON, calls="to das"), ("calls",)),
    "kind": (lambda: m.list_messages(NOON, NOON, kind=""), ("kind",)),
    "empty lot": (lot(), ("recipients", "500", "0")),
    "lot of 501": (
        lot(*[m.LotRecipient(str(n), f"551199{n:07d}", "x") for n in range(501)]),
        ("recipients", "500", "501"),
    ),
    "lot id twice": (lot(m.LotRecipient("1", A, "x"), m.LotRecipient("1", B, "x")), ("recipients", "twice")),
    "lot number twice": (lot(m.LotRecipient("1", A, "x"), m.LotRecipient("2", A, "x")), ("twice", "5511*****0001")),
    "lot text": (lot(m.LotRecipient("1", A, "x"), m.LotRecipient("2", B, " ")), ("recipients[1].text", "empty")),
    "lot of voice with short number": (
        lambda: m.send_lot([m.LotRecipient("1", A, "x")], voice=True, short_number=True),
        ("short_number", "SMS"),
    ),
    "lot tags for all": (lambda: m.send_lot([m.LotRecipient("1", A, "x")], tags={"[": "x"}), ("tags", "[")),
    "lot tags": (lot(m.LotRecipient("1", A, "x", {"[": "x"})), ("tags", "[")),
    "rule without priority": (
        lambda: m.save_rule("4130000001", Rule(action="fwd", data={}, priority=None)),
        ("rule", "priority"),
    ),
    "rule without action": (
        lambda: m.save_rule("4130000001", Rule(action=" ", data={}, priority=1)),
        ("rule: action",),
    ),
    "rule's field": (lambda: m.save_rule("4130000001", rule(**{"a[b": "x"})), ("rule", "brackets")),
    "rule's nested field": (lambda: m.save_rule("4130000001", rule(a={"b]": "x"})), ("rule", "brackets")),
    "rule's value": (lambda: m.save_rule("4130000001", rule(phone="a\0")), ("rule", "data[phone]", "NUL")),
    "rule id": (lambda: m.remove_rule("4130000001", ""), ("rule_id",)),
    "webhook": (lambda: m.add_call_callback("ftp://example.com"), ("url", "http")),
    "webhook without host": (lambda: m.add_message_callback("http://"), ("url", "http")),
    "webhook with line end": (lambda: m.add_received_callback("http://a/\nb"), ("url", "control")),
    "webhook with blank": (lambda: m.add_received_callback("http://a/ b"), ("url", "blanks")),
    "pin": (lambda: m.add_call_callback("http://a", pin=""), ("pin",)),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case) -> None:
    attempt, parts = BAD[case]
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is looked at below
        attempt()
    text = str(caught.value)
    assert not isinstance(caught.value, UnicodeError)
    assert all(part in text for part in parts), text
    assert not any(number in text for number in (A, B, "551190000001", "5520990000001"))


@pytest.mark.parametrize(
    "attempt",
    [
        lambda api: api.send(m.place_call(A, "hello")),
        lambda api: api.send(m.send_sms(MANY, "x")),
        lambda api: api.rows(m.list_statement(NAIVE, NOON)),
    ],
)
def test_nothing_is_sent(api, sandbox, attempt) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is tested above
        attempt(api)
    assert sandbox.state()["requests"] == {}


@pytest.mark.parametrize("origin", [None, "", "ip4130000001", "0013125550123"])
def test_a_default_origin_that_does_not_fit_the_method(connect, sandbox, origin) -> None:
    api = connect(default_origin=origin or None)
    with pytest.raises(ValueError, match="origin"):
        api.send(m.send_voice_message(A, text="x"))
    assert sandbox.state()["effects"].get("message_requests_accepted", 0) == 0
    assert "sms/send" not in sandbox.state()["requests"]


GOOD: dict[str, Callable[[], Request[object] | Listing[object]]] = {
    "ten": lambda: m.send_sms(MANY[:10], "x"),
    "eleven as CSV": lambda: m.send_sms(MANY, "x", as_csv=True),
    "text of 700": lambda: m.send_sms(A, "x" * 700),
    "text with origin": lambda: m.send_sms(A, "x" * 695, origin="LOJA1", show_origin=True),
    "text with written number": lambda: m.send_sms(A, "x" * 687, origin="+55 (11) 99000-0002", show_origin=True),
    "MP3 of 4 MB": lambda: m.upload_audio(MP3 * (2 * MEGABYTE)),
    "WAV sound": lambda: m.add_sound("x", b"RIFF....WAVE", content_type="audio/wav"),
    "one second": lambda: m.list_statement(NOON, NOON),
    "number from a template": lambda: m.send_sms(5511990000001, "x", origin=551130000001),
    "numbers from a template": lambda: m.place_call(5511990000001, 5511990000002),
    "an own filter word": lambda: m.list_statement(NOON, NOON, calls="outras"),
}


@pytest.mark.parametrize("case", GOOD)
def test_the_limit_itself_is_taken(case) -> None:
    assert isinstance(GOOD[case](), (Request, Listing))


def test_reprs_hold_nothing_personal() -> None:
    request = m.send_sms([A, B], "hello dear", tags={"cpf": "12345678901"})
    recipient = m.LotRecipient("7", A, "hello dear", {"cpf": "12345678901"})
    upload = m.upload_audio(b"\xff\xfbABC").files
    assert repr(request) == "Request(endpoint_name='send_message', authenticated=True)"
    assert not any(part in f"{recipient!r} {upload!r}" for part in (A, "hello", "12345678901", "ABC"))
