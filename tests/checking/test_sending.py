"""One message or call of a check: at most once, whatever is answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.checking import check_account
from airflow_provider_directcall.checking.sending import Probe, ProbeStage
from airflow_provider_directcall.sandbox import Fault, SandboxServer

from .conftest import OWN, Check, SandboxClock, forms

SENDS = {False: ("sms/send", "send_message", "messages_accepted"), True: ("voz/call", "place_call", "calls_placed")}
BOTH = pytest.mark.parametrize("is_call", [False, True], ids=["sms", "call"])


@BOTH
@pytest.mark.parametrize(
    ("kind", "effects", "form", "progress"),
    [
        ("cut_after", 1, "maybe_sent", ProbeStage.MAYBE_SENT),
        ("cut_before", 0, "maybe_sent", ProbeStage.MAYBE_SENT),
        ("error_500_after", 1, "maybe_sent", ProbeStage.MAYBE_SENT),
        ("json_error_503_after", 1, "maybe_sent", ProbeStage.MAYBE_SENT),
        ("garbage_after", 1, "maybe_sent", ProbeStage.MAYBE_SENT),
        ("too_many_requests", 0, "maybe_sent", ProbeStage.MAYBE_SENT),
        (None, 1, "sent", ProbeStage.SENT),
    ],
)
def test_it_is_sent_once(
    check: Check, server: SandboxServer, is_call: bool, kind: str | None, effects: int, form: str, progress: ProbeStage
) -> None:
    endpoint, path, counter = SENDS[is_call]
    if kind is not None:
        server.inject(Fault(kind=kind, endpoint=endpoint))
    probe = Probe(OWN, is_call=is_call)
    report = check(probe)
    assert server.state()["effects"][counter] == effects
    assert forms(report, path) == {form}
    assert probe.progress is progress
    assert ("row_missing" in forms(report, probe.place)) == (effects == 0)


def test_a_row_proves_a_message_whose_answer_was_lost(check: Check, server: SandboxServer) -> None:
    server.inject(Fault(kind="cut_after", endpoint="sms/send"))
    assert {"row_delay", "tags_kept", "zone"} <= forms(check(Probe(OWN)), "list_messages")


def test_a_refused_call_is_not_sent(check: Check, server: SandboxServer) -> None:
    probe = Probe("5511990000402", is_call=True)
    assert forms(check(probe), "place_call") == {"not_sent"}
    assert probe.progress is ProbeStage.NOTHING_SENT


def test_without_an_origin_nothing_is_sent(settings: Settings, server: SandboxServer, clock: SandboxClock) -> None:
    with pytest.raises(ValueError, match="default_origin"):
        check_account(replace(settings, default_origin=None), probes=[Probe(OWN)], clock=clock)
    assert server.state()["effects"]["messages_accepted"] == 0


def test_another_row_to_the_same_number_is_not_taken_for_ours(check: Check, server: SandboxServer) -> None:
    check(Probe(OWN))
    server.inject(Fault(kind="cut_before", endpoint="sms/send"))
    server.advance(60)
    assert "row_missing" in forms(check(Probe(OWN)), "list_messages")


def test_each_step_is_reported_without_the_number(check: Check) -> None:
    steps: list[str] = []
    check(Probe(OWN, report=steps.append))
    assert steps
    assert OWN[-4:] not in "".join(steps)
