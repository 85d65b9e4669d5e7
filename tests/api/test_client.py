"""Both clients: odd servers, logs, pace, and a round trip of each method to the local Directcall."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.errors import (
    DirectcallError,
    DirectcallOutcomeUnknown,
    DirectcallReplyError,
)
from airflow_provider_directcall.sandbox import Fault, SandboxServer

from .clock import FrozenClock

A, B = "5511990000001", "5511990000002"
CALL = m.place_call(A, B)
LIST = m.list_rules("1130000001")
CARRIER = m.lookup_carrier(A)


# --- arbitrary servers


@contextmanager
def canned(*replies: bytes | tuple[bytes, bytes]) -> Iterator[str]:
    """Run a server that answers each connection with the next of these bytes; of a pair, the second drips."""

    def serve() -> None:
        for reply in replies:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                connection.recv(65536)
                at_once, dripping = reply if isinstance(reply, tuple) else (reply, b"")
                with suppress(OSError):
                    connection.sendall(at_once)
                    for byte in dripping:
                        connection.sendall(bytes([byte]))
                        time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)
        assert not thread.is_alive()


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


TOKEN = http(b'{"access_token":"0123456789abcdef0123456789abcdef01234567"}')
OK_CALL = b'{"status":"ok","codigo":"000","callerid":"1"}'


def test_a_reply_that_cannot_be_unpacked(connect) -> None:
    broken = http(b"no gzip", "Content-Encoding: gzip")
    with canned(TOKEN, broken, broken) as url:
        api = connect(base_url=url)
        with pytest.raises(DirectcallOutcomeUnknown, match="DecodingError"):
            api.send(CALL)
        with pytest.raises(DirectcallReplyError, match="unpacked"):
            api.send(LIST)


def test_a_packed_reply_and_a_token_of_the_old_kind(connect) -> None:
    with canned(TOKEN, http(gzip.compress(OK_CALL), "Content-Encoding: gzip")) as url:
        assert connect(base_url=url).send(CALL).callerid == "1"


def test_a_deflated_reply_with_and_without_header(connect):
    raw = zlib.compressobj(wbits=-15)
    bodies = [zlib.compress(OK_CALL), raw.compress(OK_CALL) + raw.flush()]
    with canned(TOKEN, *(http(body, "Content-Encoding: deflate") for body in bodies)) as url:
        api = connect(base_url=url)
        assert [api.send(CALL).callerid for _ in bodies] == ["1", "1"]


def test_an_archive_of_gigabytes_is_never_unfolded(connect):
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(600)) + packer.flush()
    with canned(TOKEN, *[http(bomb, "Content-Encoding: gzip")] * 2) as url:
        api = connect(base_url=url)
        tracemalloc.start()
        try:
            with pytest.raises(DirectcallOutcomeUnknown, match="larger than 1 MiB"):
                api.send(CALL)
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
            with pytest.raises(DirectcallReplyError, match="larger than 8 MiB"):
                api.send(LIST)
            assert tracemalloc.get_traced_memory()[1] < 30 << 20
        finally:
            tracemalloc.stop()


def test_a_packing_that_was_not_asked_for(connect):
    with (
        canned(TOKEN, http(b"x", "Content-Encoding: br")) as url,
        pytest.raises(DirectcallOutcomeUnknown, match="packed"),
    ):
        connect(base_url=url).send(CALL)


@pytest.mark.parametrize("quick", [0, 40, 200], ids=["from the first byte", "from the headers", "in the body"])
def test_a_reply_of_one_byte_at_a_time_ends(connect, quick):
    """Each byte comes within the time-out, and the whole would take minutes."""
    reply = http(b" " * 1000 + OK_CALL, "X-Filler: " + "x" * 100)
    with canned(TOKEN, (reply[:quick], reply[quick:])) as url:
        api = connect(base_url=url, timeout=0.2)
        began = time.monotonic()
        with pytest.raises(DirectcallOutcomeUnknown, match="ReadTimeout"):
            api.send(CALL)
        assert time.monotonic() - began < 3


@pytest.mark.parametrize("reply", [b"SSH-2.0-OpenSSH_9.6\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"])
def test_a_server_that_speaks_something_else(connect, reply) -> None:
    with canned(TOKEN, reply) as url, pytest.raises(DirectcallOutcomeUnknown, match=r"RemoteProtocolError|ReadError"):
        connect(base_url=url).send(CALL)


def test_a_redirect_is_not_followed(connect) -> None:
    moved = http(b"", "Location: http://127.0.0.1:1/", status="307 Temporary Redirect")
    with canned(TOKEN, moved) as url, pytest.raises(DirectcallOutcomeUnknown, match="redirect"):
        connect(base_url=url).send(CALL)


# --- logs


def test_no_log_line_shows_a_token_or_a_number(api, sandbox, caplog) -> None:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.INFO, logger="httpx"):
        sandbox.inject(Fault(kind="html_502_before", endpoint="voz/status", times=1))
        with pytest.raises(DirectcallError):
            api.send(m.end_call(A, "5511990000600"))
        api.send(m.place_call(A, "5511990000600", tags={"cpf": "12345678901"}))
        sandbox.advance(20)
        api.send(m.call_status(A, "5511990000600"))
        api.send(m.end_call(A, "5511990000600"))
    for record in caplog.records:
        text = record.getMessage()
        if record.name.startswith(("airflow_provider_directcall.api", "httpx", "httpcore")):
            assert not any(secret in text for secret in ("eyJ", A, "5511990000600", "12345678901", "sandbox-secret")), (
                text
            )
    assert "HTTP Request: GET" in caplog.text
    assert "place_call: HTTP 200" in caplog.text
    assert "; attempt 1, again in" in caplog.text


def test_plain_http_to_another_machine_is_warned_of(connect, caplog) -> None:
    connect(base_url="http://directcall.invalid")
    assert "travel in clear" in caplog.text


def test_plain_http_to_this_machine_is_fine(api, caplog) -> None:
    assert caplog.text == ""


# --- pace


def test_the_pace_is_kept(connect, clock) -> None:
    moments: list[float] = []
    api = connect(requests_per_second=4)
    for _ in range(5):
        api.send(CARRIER)
        moments.append(clock.monotonic())
    assert [later - earlier for earlier, later in pairwise(moments)] == pytest.approx([0.25] * 4)


def test_the_pace_is_kept_by_many_at_once(connect) -> None:
    """Twenty-one turns, the first for the token, a hundredth of a second apart."""
    clock = FrozenClock()
    connect(requests_per_second=100, clock=clock).together([CARRIER] * 20)
    assert sorted(clock.pauses) == pytest.approx([turn / 100 for turn in range(1, 21)])


def test_no_pace_no_pause(api, clock) -> None:
    api.together([CARRIER] * 20)
    assert clock.pauses == []


# --- the account


def test_on_token_gets_each_new_token(connect, sandbox) -> None:
    tokens: list[str] = []
    api = connect(on_token=tokens.append)
    api.send(CARRIER)
    sandbox.expire_tokens()
    api.send(CARRIER)
    assert len(tokens) == 2
    assert all(token.startswith("eyJ") for token in tokens)


def test_the_whole_way_of_every_method(api, sandbox) -> None:
    """Each method once, with a reply of the sandbox."""
    assert api.send(m.create_cipher(B)).value
    audio = api.send(m.upload_audio(b"\xff\xfb" + b"x" * 100)).audio_id
    sent = api.send(m.send_voice_message(A, audio_id=audio, attempts=2, hours=(8, 20)))
    assert api.send(m.message_status(sent.callerid)).text
    scheduled = api.send(m.send_sms([A, B], "oi", send_at=_tomorrow(sandbox)))
    assert api.send(m.cancel_message(scheduled.callerid)).text is not None
    sound = api.send(m.add_sound("menu", b"\xff\xfb" + b"x" * 100))
    assert sound.sound_id
    (rule,) = api.send(LIST)
    assert api.send(m.save_rule("1130000001", rule)).data == rule.data
    assert api.send(m.remove_rule("1130000001", rule.rule_id)).raw["status"] == "ok"
    for add, list_, remove in (
        (m.add_call_callback, m.list_call_callbacks, m.remove_call_callback),
        (m.add_message_callback, m.list_message_callbacks, m.remove_message_callback),
        (m.add_received_callback, m.list_message_callbacks, m.remove_message_callback),
    ):
        code = api.send(add("https://example.com/hook")).code
        assert code in [callback.code for callback in api.send(list_())]
        api.send(remove(code))
    schedule = api.send(m.place_call(A, B, schedule_at=_tomorrow(sandbox))).schedule_id
    assert api.send(m.scheduled_call_status(A, schedule)).placed is None
    assert [len(number.did) for number in api.send(m.list_numbers())] == [10, 10, 10]


REGISTRATIONS = [
    (m.add_call_callback, "voz/add-callback"),
    (m.add_message_callback, "sms/add-callback-status"),
    (m.add_received_callback, "sms/add-callback"),
]


@pytest.mark.parametrize(("register", "endpoint"), REGISTRATIONS)
def test_a_webhook_is_registered_once(api, sandbox, register, endpoint) -> None:
    sandbox.inject(Fault(kind="cut_after", endpoint=endpoint))
    with pytest.raises(DirectcallOutcomeUnknown):
        api.send(register("https://example.com/hook"))
    assert [callback["url"] for callback in sandbox.state()["callbacks"]] == ["https://example.com/hook"]


def test_a_lot_with_all_options(api, sandbox) -> None:
    when = _tomorrow(sandbox)
    people = [m.LotRecipient("a", A, "oi", {"leito": "7"}), m.LotRecipient("b", B, "oi")]
    api.send(m.send_lot(people, tags={"campanha": "x"}, send_at=when, short_number=False))
    api.send(m.send_lot(people[:1], voice=True))
    first, second, spoken = sandbox.state()["messages"]
    assert (first["tags"], second["tags"]) == ({"campanha": "x", "leito": "7"}, {"campanha": "x"})
    assert {message["short_number"] for message in (first, second)} == {False}
    assert first["starts"] == when.astimezone(ZoneInfo("America/Sao_Paulo")).strftime("%Y-%m-%d %H:%M:%S")
    assert (spoken["kind"], spoken["text"]) == ("voz", "oi")


def test_a_documented_name_of_a_lot_cannot_be_replaced_in_the_request(connect, sandbox) -> None:
    api = connect(fields={"send_lot": {"id_destinatario": "id", "texto": "texto"}})
    api.send(m.send_lot([m.LotRecipient("a", A, "oi")]))
    assert [message["recipient_id"] for message in sandbox.state()["messages"]] == ["a"]


def _tomorrow(sandbox: SandboxServer) -> datetime:
    return datetime.fromtimestamp(sandbox.now(), UTC) + timedelta(days=1)
