"""How a rate was kept: over the whole time, and within its busiest moments."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from tools.cluster.services import Redis

#: As the issue of the product has it: the rate is kept within 10 %, and a burst is no larger than one second's worth.
TOLERANCE: Final = 0.1
_LONG_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 1.0

#: When a message left, in seconds since the epoch, and its parts.
Departures = Sequence[tuple[float, int]]


@dataclass(frozen=True)
class KeptRate:
    """A rate as it was kept.

    :ivar mean: parts a second, without the idle seconds.
    :ivar idle: seconds in pauses of more than one, in which no task had something to send.
    :ivar second: the most parts within any second.
    :ivar long: the most parts a second within any ten seconds.
    """

    rate: float
    mean: float
    idle: float
    second: int
    long: float

    @classmethod
    def of(cls, rate: float, departures: Departures) -> KeptRate:
        """Measure departures, in any order."""
        left = sorted(departures)
        pauses = [later - earlier for (earlier, _), (later, _) in pairwise(left)]
        idle = sum(pause for pause in pauses if pause > _IDLE_SECONDS)
        # The message that begins the time, or ends a pause, does not count in it.
        in_time = sum(parts for pause, (_, parts) in zip(pauses, left[1:], strict=True) if pause <= _IDLE_SECONDS)
        busy = sum(pauses) - idle
        mean = in_time / busy if busy else 0.0
        return cls(rate, mean, idle, busiest(left, 1.0), busiest(left, _LONG_SECONDS) / _LONG_SECONDS)

    @property
    def problems(self) -> list[str]:
        """Violations, in words."""
        found = []
        if abs(self.mean - self.rate) > TOLERANCE * self.rate:
            found.append(f"{self.mean:.1f} parts a second, not {self.rate:g} within {TOLERANCE:.0%}")
        return found + self.excesses

    @property
    def excesses(self) -> list[str]:
        """Where more was sent than the rate allows, in words."""
        found = []
        if self.second > 2 * self.rate:
            found.append(f"{self.second} parts within a second: a burst of more than a second's worth")
        if self.long > (1 + TOLERANCE) * self.rate:
            found.append(f"{self.long:.1f} parts a second within {_LONG_SECONDS:g} s")
        return found

    def __str__(self) -> str:
        """Describe it in a line."""
        return (
            f"{self.mean:.1f} parts/s, at most {self.second} within 1 s, {self.long:.1f}/s within {_LONG_SECONDS:g} s; "
            f"idle for {self.idle:.1f} s"
        )


def busiest(left: Departures, seconds: float) -> int:
    """Return the most parts that left within any so many seconds.

    :param left: in order.
    """
    sums = [0, *accumulate(parts for _, parts in left)]
    most = begin = 0
    for end, (moment, _) in enumerate(left):
        while left[begin][0] <= moment - seconds:
            begin += 1
        most = max(most, sums[end + 1] - sums[begin])
    return most


def two_processes(redis: Redis, rate: float, seconds: float) -> tuple[KeptRate, list[int]]:
    """Let two processes take from one rate at the same time; return how it was kept, and the parts of each."""
    command = [sys.executable, "-m", "tools.cluster.rate_probe", str(redis.port), "probe", str(rate), str(seconds)]
    probes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    taken = [[(float(moment), int(parts)) for moment, parts in json.loads(each.communicate()[0])] for each in probes]
    # Only while both run.
    begin, end = max(each[0][0] for each in taken), min(each[-1][0] for each in taken)
    both = [[one for one in each if begin <= one[0] <= end] for each in taken]
    return KeptRate.of(rate, [*both[0], *both[1]]), [sum(parts for _, parts in each) for each in both]
