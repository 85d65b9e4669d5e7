"""Retries of both clients against a local Directcall with faults, with the effects counted."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.client import RetryBudget
from airflow_provider_directcall.api.errors import (
    DirectcallNotSent,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
    DirectcallReplyError,
    DirectcallUnavailable,
)
from airflow_provider_directcall.sandbox import Fault, Sandbox, SandboxServer

from .clock import SimulatedClock
from .conftest import Connect
from .drivers import Driver

A, B = "5511990000001", "5511990000002"
CALL = m.place_call(A, B)
LIST = m.list_rules("1130000001")
CARRIER = m.lookup_carrier(A)


def requests(sandbox: SandboxServer, endpoint: str) -> int:
    return sandbox.state()["requests"].get(endpoint, 0)


def calls(sandbox: SandboxServer) -> int:
    return sandbox.state()["effects"].get("calls_placed", 0)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- repeatable requests


@pytest.mark.parametrize(
    "kind",
    [
        "error_500_before",
        "error_500_after",
        "html_502_before",
        "cut_before",
        "cut_after",
        "cut_in_body",
        "too_many_requests",
    ],
)
def test_a_read_gets_over_passing_trouble(
    api: Driver, sandbox: SandboxServer, clock: SimulatedClock, kind: str
) -> None:
    sandbox.inject(Fault(kind=kind, endpoint="did/route", times=3, retry_after=2))
    assert api.send(LIST)[0].action == "fwd"
    assert requests(sandbox, "did/route") == 4
    assert len(clock.pauses) == 3


@pytest.mark.parametrize("kind", ["html_502_before", "cut_before"])
def test_a_read_gives_up_after_its_attempts(connect: Connect, sandbox: SandboxServer, kind: str) -> None:
    sandbox.inject(Fault(kind=kind, endpoint="did/route"))
    with pytest.raises(DirectcallUnavailable, match="list_rules"):
        connect(budget=RetryBudget(attempts=3)).send(LIST)
    assert requests(sandbox, "did/route") == 3


def test_a_read_gives_up_when_its_time_is_over(connect: Connect, sandbox: SandboxServer, clock: SimulatedClock) -> None:
    sandbox.inject(Fault(kind="too_many_requests", endpoint="did/route", retry_after=10))
    with pytest.raises(DirectcallRefused):
        connect(budget=RetryBudget(attempts=50, seconds=35)).send(LIST)
    assert requests(sandbox, "did/route") == 4
    assert sum(clock.pauses) <= 35


def test_a_read_waits_as_long_as_it_is_asked_to(api: Driver, sandbox: SandboxServer, clock: SimulatedClock) -> None:
    sandbox.inject(Fault(kind="too_many_requests", endpoint="did/route", times=1, retry_after=17))
    api.send(LIST)
    assert clock.pauses == [17]


def test_a_read_does_not_wait_for_too_long(api: Driver, sandbox: SandboxServer, clock: SimulatedClock) -> None:
    sandbox.inject(Fault(kind="too_many_requests", endpoint="did/route", retry_after=3600))
    with pytest.raises(DirectcallRefused):
        api.send(LIST)
    assert (requests(sandbox, "did/route"), clock.pauses) == (1, [])


def test_pauses_grow_within_bounds_and_differ(connect: Connect, sandbox: SandboxServer, clock: SimulatedClock) -> None:
    sandbox.inject(Fault(kind="html_502_before", endpoint="did/route"))
    with pytest.raises(DirectcallUnavailable):
        connect(budget=RetryBudget(attempts=10, seconds=1e6, longest_pause=4)).send(LIST)
    assert len(clock.pauses) == len(set(clock.pauses)) == 9
    assert all(pause <= min(4, 0.5 * 2**place) for place, pause in enumerate(clock.pauses, start=1))


def test_a_read_times_out_and_is_repeated(connect: Connect, sandbox: SandboxServer) -> None:
    sandbox.inject(Fault(kind="hang_before", endpoint="did/route", times=1))
    assert connect(timeout=0.3).send(LIST)
    assert requests(sandbox, "did/route") == 2


@pytest.mark.parametrize("kind", ["garbage_after", "truncated", "unavailable"])
def test_a_read_that_cannot_be_understood_is_not_repeated(api: Driver, sandbox: SandboxServer, kind: str) -> None:
    sandbox.inject(Fault(kind=kind, endpoint="did/route"))
    with pytest.raises(DirectcallReplyError):
        api.send(LIST)
    assert requests(sandbox, "did/route") == 1


def test_a_refusal_is_not_repeated(api: Driver, sandbox: SandboxServer) -> None:
    with pytest.raises(DirectcallRefused) as caught:
        api.send(m.message_status("10000000000001"))
    assert caught.value.code in {"009", "010"}
    assert requests(sandbox, "sms/status") == 1


# --- once-only requests

LOST_AFTER = ["error_500_after", "html_502_after", "cut_after", "cut_in_body", "garbage_after", "truncated"]
LOST_BEFORE = ["error_500_before", "html_502_before", "cut_before", "garbage_before"]


@pytest.mark.parametrize(("kind", "effects"), [(kind, 1) for kind in LOST_AFTER] + [(kind, 0) for kind in LOST_BEFORE])
def test_a_call_whose_answer_is_lost_is_never_placed_again(
    api: Driver, sandbox: SandboxServer, clock: SimulatedClock, kind: str, effects: int
) -> None:
    sandbox.inject(Fault(kind=kind, endpoint="voz/call", times=1))
    with pytest.raises(DirectcallOutcomeUnknown) as caught:
        api.send(CALL)
    assert caught.value.may_have_taken_effect
    assert (requests(sandbox, "voz/call"), calls(sandbox), clock.pauses) == (1, effects, [])


def test_a_call_that_times_out_is_never_placed_again(connect: Connect, sandbox: SandboxServer) -> None:
    api = connect(timeout=0.3)
    sandbox.inject(Fault(kind="hang_after", endpoint="voz/call", times=1))
    with pytest.raises(DirectcallOutcomeUnknown, match="ReadTimeout"):
        api.send(CALL)
    assert (requests(sandbox, "voz/call"), calls(sandbox)) == (1, 1)


@pytest.mark.parametrize(
    ("request_", "endpoint"),
    [
        (m.send_sms(A, "x", origin=B), "sms/send"),
        (m.send_voice_message(A, text="x", origin=B), "sms/send"),
        (m.send_lot([m.LotRecipient("1", A, "x")], origin=B), "sms/lot-send"),
        (m.upload_audio(b"\xff\xfb" + b"x" * 100), "sms/audio"),
        (m.add_sound("x", b"\xff\xfb" + b"x" * 100), "did/add-sound"),
        (m.remove_rule("1130000001", "18000"), "did/remove"),
    ],
)
def test_every_kind_of_write_is_sent_once(api: Driver, sandbox: SandboxServer, request_: object, endpoint: str) -> None:
    sandbox.inject(Fault(kind="html_502_after", endpoint=endpoint))
    with pytest.raises(DirectcallOutcomeUnknown):
        api.send(request_)
    assert requests(sandbox, endpoint) == 1


def test_a_refused_call_had_no_effect(api: Driver, sandbox: SandboxServer) -> None:
    with pytest.raises(DirectcallRefused) as caught:
        api.send(m.place_call(A, "5511990000402"))
    assert (caught.value.code, caught.value.may_have_taken_effect, calls(sandbox)) == ("201", False, 0)


def test_too_many_requests_prove_nothing_about_a_call(api: Driver, sandbox: SandboxServer) -> None:
    """A gateway may count the request after it has passed it on."""
    sandbox.inject(Fault(kind="too_many_requests", endpoint="voz/call", times=1))
    with pytest.raises(DirectcallOutcomeUnknown):
        api.send(CALL)
    assert (requests(sandbox, "voz/call"), calls(sandbox)) == (1, 0)


def test_a_call_is_placed_once_when_the_server_comes_back(connect: Connect, free_port: int) -> None:
    """The connection is refused, so a retry is safe, also with an older server's token."""
    with ExitStack() as servers:

        class ServerStarter(SimulatedClock):
            """Starts another server during the second pause."""

            def sleep(self, seconds: float) -> None:
                if len(self.pauses) == 1:
                    running.append(servers.enter_context(Sandbox().serve(port=free_port)))
                super().sleep(seconds)

        clock = ServerStarter()
        running: list[SandboxServer] = []
        with Sandbox().serve(port=free_port) as first:
            api = connect(base_url=first.url, clock=clock)
            api.send(LIST)
        assert api.send(CALL).callerid
        assert len(clock.pauses) == 2
        assert calls(running[0]) == 1
        assert requests(running[0], "request_token") == 1


def test_nothing_is_there(connect: Connect, free_port: int, clock: SimulatedClock) -> None:
    api = connect(base_url=f"http://127.0.0.1:{free_port}", budget=RetryBudget(attempts=3))
    with pytest.raises(DirectcallNotSent) as caught:
        api.send(CALL)
    assert len(clock.pauses) == 2
    assert "nothing was sent (http" in str(caught.value)
    assert f"http://127.0.0.1:{free_port}," in str(caught.value)


def test_no_tls_is_spoken_there(connect: Connect, sandbox: SandboxServer) -> None:
    api = connect(base_url=sandbox.url.replace("http:", "https:"), budget=RetryBudget(attempts=1))
    with pytest.raises(DirectcallNotSent, match="SSL"):
        api.send(CALL)
    assert sandbox.state()["requests"] == {}
