"""The judge of ``make cluster``, and what it says where its servers are missing."""

from __future__ import annotations

from collections import Counter

import pytest

from tools.cluster import __main__ as command
from tools.cluster import services
from tools.cluster.campaign import Observed
from tools.cluster.rates import KeptRate, busiest

STEADY = [(place / 50, 1) for place in range(50 * 30)]


def observed(**changes: object) -> Observed:
    made = {
        "contacts": 1500,
        "rate": 50.0,
        "state": "success",
        "killed": "worker-2",
        "killed_at": 20.0,
        "workers": Counter({"worker-1": 1000, "worker-2": 500}),
        "report": {"states": {"delivered": 1500}},
        "sent": Counter(str(place) for place in range(1500)),
        "departures": STEADY,
    }
    return Observed(**{**made, **changes})


def test_missing_servers_are_named_with_their_packages(monkeypatch, capsys):
    monkeypatch.setattr(services, "_program", lambda name: None)
    assert command.main() == 2
    assert "apt-get install postgresql redis-server" in capsys.readouterr().err


def test_a_run_that_is_right_has_no_problems():
    assert observed().problems == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"state": "failed"}, "the run is failed"),
        ({"killed": ""}, "no worker was killed"),
        ({"sent": Counter([*map(str, range(1500)), "7"])}, "1 contacts were sent to twice"),
        ({"sent": Counter(map(str, range(1499)))}, "1 contacts were not sent to"),
        ({"report": {"states": {"delivered": 1499, "unknown": 1}}}, "the report has"),
        ({"workers": Counter({"worker-1": 1500})}, "all work was done by worker-1"),
        ({"departures": [(moment * 2, 1) for moment, _ in STEADY]}, "25.0 parts a second"),
        ({"departures": [(moment, 2) for moment, _ in STEADY]}, "100.0 parts a second"),
        ({"departures": [*STEADY, *((40.0, 1) for _ in range(101))]}, "a burst of more than a second's worth"),
    ],
)
def test_each_violation_is_found(changes, problem):
    assert any(problem in each for each in observed(**changes).problems)


def test_the_busiest_second_is_found_wherever_it_begins():
    assert busiest([(0.0, 1), (0.9, 5), (1.2, 5), (1.85, 1), (3.0, 9)], 1.0) == 11


def test_the_mean_does_not_count_the_message_that_begins_the_time():
    assert KeptRate.of(50, STEADY).mean == pytest.approx(50)


def test_time_in_which_no_task_sends_does_not_count():
    kept = KeptRate.of(50, [*STEADY, *((moment + 40, parts) for moment, parts in STEADY)])
    assert kept.mean == pytest.approx(50)
    assert kept.idle == pytest.approx(10, abs=0.1)
