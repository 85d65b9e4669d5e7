"""Planning of 200 rules: time, and writes compared with those of removing all rules and adding the desired ones.

Target: less than 1 s, and no more writes than the difference needs.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.plans.planning import plan_rules
from airflow_provider_directcall.routing.rules import Forward, HangUp, NumberRule, Voicemail

RULES = 200
SAMPLES = 3
_DID = "1130000001"
_SECRET = "for-the-bench"


def rules(seed: int) -> list[NumberRule]:
    """Return forwards at many times, some for certain callers only, and rules that take all other calls."""
    chance = random.Random(seed)
    made: list[NumberRule] = [_forward(chance, priority) for priority in range(1, RULES - 1)]
    return [*made, Voicemail(email="a@example.com", priority=RULES - 1, weekdays="1-5"), HangUp(priority=RULES)]


def _forward(chance: random.Random, priority: int) -> Forward:
    hour = chance.randrange(22)
    return Forward(
        to=f"55119900001{chance.randrange(100):02}",
        priority=priority,
        weekdays=chance.sample(range(1, 8), chance.randrange(1, 6)),
        start=f"{hour:02}:{chance.choice(['00', '15', '30'])}",
        end=f"{hour + 1:02}:45",
        sources=f"55419900000{chance.randrange(100):02}" if chance.random() < 0.2 else None,
    )


def holiday(base: Sequence[NumberRule]) -> list[NumberRule]:
    """Put one rule before all others."""
    return [HangUp(priority=1), *(replace(rule, priority=rule.priority + 1) for rule in base[:-1])]


#: Changes -> the function that makes the desired rules from the live ones.
SCENARIOS: dict[str, Callable[[list[NumberRule]], list[NumberRule]]] = {
    "nothing": lambda base: base,
    "20 of 200": lambda base: [*base[:180], *rules(2)[180:]],
    "half of them": lambda base: [*base[:100], *rules(2)[100:]],
    "all moved by one": holiday,
    "all of them": lambda base: rules(2),
    "200 to 20": lambda base: rules(2)[-20:],
}


def seconds_of(live: list[Rule], wanted: list[NumberRule]) -> float:
    """Return the processor time of one plan."""
    started = time.process_time()
    plan_rules(_DID, live, wanted, secret=_SECRET)
    return time.process_time() - started


def main() -> None:
    """Print a line for each scenario."""
    base = rules(1)
    live: list[Rule] = [rule.to_wire(str(18000 + index)) for index, rule in enumerate(base)]
    print(f"{'what changes':<18} {'seconds':>8} {'writes':>7} {'fewest':>7} {'of remove-all-and-add':>22}")
    for name, wanted_from in SCENARIOS.items():
        wanted = wanted_from(base)
        plan = plan_rules(_DID, live, wanted, secret=_SECRET)
        median = statistics.median(seconds_of(live, wanted) for _ in range(SAMPLES))
        writes = len(plan.changes)
        share = writes / (len(live) + len(wanted))
        print(f"{name:<18} {median:>8.3f} {writes:>7} {plan.fewest_writes:>7} {share:>22.0%}")


if __name__ == "__main__":
    main()
