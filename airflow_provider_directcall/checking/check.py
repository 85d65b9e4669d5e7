"""Check one account: every probe in turn, then the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_directcall.api.client import Client, RetryBudget
from airflow_provider_directcall.api.clock import Clock, current_clock
from airflow_provider_directcall.api.lookups import drive
from airflow_provider_directcall.checking.account import balance_findings, number_findings, token_findings
from airflow_provider_directcall.checking.extra import extra_of
from airflow_provider_directcall.checking.looks import Pause
from airflow_provider_directcall.checking.report import AccountReport, in_order
from airflow_provider_directcall.checking.sending import Own, Probe, send_and_follow
from airflow_provider_directcall.checking.statements import statement_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.checking.assumptions import Finding
    from airflow_provider_directcall.checking.looks import Steps

T = TypeVar("T")

#: Failures are findings, so the client does not hide them by retries.
_BUDGET = RetryBudget(attempts=1)
_STATEMENTS = ("list_statement", "list_messages", "list_recordings")


def check_account(
    settings: Settings,
    *,
    probes: Sequence[Probe] = (),
    clock: Clock | None = None,
    on_token: Callable[[str], object] | None = None,
) -> AccountReport:
    """Compare the assumptions with the answers of an account.

    :param settings: the account.
    :param probes: messages and calls to send and to follow; none by default: then it only reads.
    :param clock: the process's clock by default.
    :param on_token: called with each access token, so that the caller can mask it in logs.
    :raises DirectcallError: there is no access token, so nothing can be asked.
    :raises ValueError: a probe needs a setting that the account lacks; nothing was sent.
    """
    clock = clock or current_clock()
    validate(probes, settings)
    with Client(settings, budget=_BUDGET, on_token=on_token, clock=clock) as client:
        findings = run(_findings(settings, probes, clock), client.send, clock)
    return AccountReport(clock.now(), in_order(findings), extra_of(findings, settings, clock.now()))


def validate(probes: Sequence[Probe], settings: Settings) -> None:
    """Validate the arguments of messages and calls, without sending them.

    :raises ValueError: one is wrong, or the account lacks a setting that it needs.
    """
    with Client(settings) as client:
        for probe in probes:
            client.check(probe.request)


def run(steps: Steps[T], send: Callable[[Request[Any]], object], clock: Clock) -> T:
    """Run probes: send each request that they yield, and wait out each pause."""

    def perform(effect: Request[Any] | Pause) -> object:
        if isinstance(effect, Pause):
            clock.sleep(effect.seconds)
            return None
        return send(effect)

    return drive(steps, perform)


def _findings(settings: Settings, probes: Sequence[Probe], clock: Clock) -> Steps[list[Finding]]:
    findings = yield from token_findings(settings, clock)
    findings += yield from number_findings()
    findings += yield from balance_findings()
    followed: dict[str, Own] = {}
    for probe in probes:
        own, found = yield from send_and_follow(probe, clock)
        findings += found
        if own is not None and own.row is not None:
            followed[probe.place] = own
    for endpoint in _STATEMENTS:
        findings += yield from statement_findings(endpoint, settings, clock, followed.get(endpoint))
    return findings
