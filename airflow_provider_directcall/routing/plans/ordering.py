"""Order of the writes from the live to the desired rules that keeps every caller served.

Guaranteed for every state between two writes, at every time of the week and for every caller:

- where one of the live and one of the desired rules apply, some rule of the state applies;
- where both the live and the desired rules take the call, the state takes it too.

Only the first rule that ends or takes a call counts, not those behind a forward that is not answered. Rules that share
a priority count as the worst of them, because the vendor's choice among them is unknown.

From any such state one of two writes is safe, so an order always exists: create the missing rule of the lowest priority
(rules before it are live or desired ones that already decide their calls), or, when none is missing, remove the
obsolete rule of the highest priority. Changing an obsolete rule into a missing one in place saves a write. The order is
therefore greedy: it takes the best safe write that the difference needs, and an additional create only when it finds
none. The best write leaves no caller an answer that is neither the old nor the new one, and no two rules with the same
priority.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final

from airflow_provider_directcall.routing.plans.coverage import Placed, in_order, serve
from airflow_provider_directcall.routing.plans.pairing import Pairing

#: Likely writes to examine for the best one, once a safe one is known.
_LIKELY_WRITES: Final = 8
#: Other writes to examine in one order; without a limit they could be the square of the number of rules at each state.
_OTHER_WRITES: Final = 2_000


@dataclass(frozen=True, slots=True)
class WriteStep:
    """One write.

    :ivar before: index of the live rule that is changed or removed; None for a create.
    :ivar after: index of the desired rule that is written; None for a removal.
    :ivar shares_priority: whether an obsolete rule has the same priority at that moment.
    """

    before: int | None
    after: int | None
    shares_priority: bool = False


def order(
    live: Sequence[Placed], desired: Sequence[Placed], pairing: Pairing, everything: int
) -> tuple[WriteStep, ...]:
    """Put the writes in order.

    :param live: the live rules, by the indices of the pairing.
    :param everything: all cells of the week.
    """
    return tuple(_State(live, desired, pairing, everything).writes())


class _State:
    """Rules between two writes."""

    def __init__(self, live: Sequence[Placed], desired: Sequence[Placed], pairing: Pairing, everything: int) -> None:
        self._live, self._desired, self._partners = live, desired, pairing.partners
        obsolete = set(range(len(live))) - set(pairing.unchanged.values())
        missing = set(range(len(desired))) - set(pairing.unchanged)
        # Both in ascending priority.
        self._obsolete = sorted(obsolete, key=lambda index: (live[index].priority, index))
        self._missing = sorted(missing, key=lambda index: (desired[index].priority, index))
        self._rules = in_order([*(desired[i] for i in pairing.unchanged), *(live[i] for i in self._obsolete)])
        before, after = serve(in_order(live), everything), serve(in_order(desired), everything)
        self._required = [old & new for old, new in zip(before.levels, after.levels, strict=True)]
        self._known_answers = {
            answer: before.answers.get(answer, 0) | after.answers.get(answer, 0)
            for answer in before.answers.keys() | after.answers.keys()
        }
        self._other_writes_left = _OTHER_WRITES

    def writes(self) -> Iterator[WriteStep]:
        """Make the writes one by one."""
        while self._obsolete or self._missing:
            step = self._best()
            self._rules = self._rules_after(step)
            if step.before is not None:
                self._obsolete.remove(step.before)
            if step.after is not None:
                self._missing.remove(step.after)
            yield step

    def _best(self) -> WriteStep:
        safe: list[tuple[tuple[bool, bool], int]] = []
        likely = sorted(map(self._marked, self._likely()), key=lambda step: step.shares_priority)
        for index, step in enumerate(likely):
            if safe and index >= _LIKELY_WRITES:
                break
            flaws = self._flaws(step)
            if flaws is not None:
                safe.append((flaws, index))
            if flaws == (False, False):
                break
        if safe:
            return likely[min(safe)[1]]
        for step in map(self._marked, islice(self._others(), self._other_writes_left)):
            self._other_writes_left -= 1
            if self._flaws(step) is not None:
                return step
        return self._marked(WriteStep(None, self._missing[0]))

    def _likely(self) -> Iterator[WriteStep]:
        """Yield changes into the partner, and the creates or removals that the numbers of rules require."""
        surplus = dict.fromkeys(self._obsolete)
        creates = len(self._missing) > len(self._obsolete)
        for after in self._missing:
            before = self._partners.get(after)
            if before in surplus:
                del surplus[before]
                yield WriteStep(before, after)
            elif creates:
                yield WriteStep(None, after)
        if len(self._missing) < len(self._obsolete):
            yield from (WriteStep(before, None) for before in reversed(surplus))

    def _others(self) -> Iterator[WriteStep]:
        """Yield all writes that the numbers of rules allow."""
        more = len(self._missing) - len(self._obsolete)
        befores: list[int | None] = [*self._obsolete, *([None] if more > 0 else [])]
        changes = (WriteStep(before, after) for after in self._missing for before in befores)
        return chain(changes, (WriteStep(before, None) for before in self._obsolete if more < 0))

    def _flaws(self, step: WriteStep) -> tuple[bool, bool] | None:
        """Return whether a caller may meet a strange answer, and whether rules share a priority; None if unsafe.

        Only the cells of the written rule are examined; in all others nothing changes.
        """
        touched = 0 if step.before is None else self._live[step.before].holds
        touched |= 0 if step.after is None else self._desired[step.after].holds
        served = serve(self._rules_after(step), touched)
        if any(cells & touched & ~level for cells, level in zip(self._required, served.levels, strict=True)):
            return None
        is_strange = any(cells & ~self._known_answers.get(answer, 0) for answer, cells in served.answers.items())
        return is_strange, step.shares_priority

    def _rules_after(self, step: WriteStep) -> list[Placed]:
        gone = None if step.before is None else self._live[step.before]
        rules = [placed for placed in self._rules if placed is not gone]
        if step.after is not None:
            added = self._desired[step.after]
            rules.insert(bisect(rules, added.priority, key=lambda placed: placed.priority), added)
        return rules

    def _marked(self, step: WriteStep) -> WriteStep:
        if step.after is None:
            return step
        priority = self._desired[step.after].priority
        shares = any(self._live[index].priority == priority for index in self._obsolete if index != step.before)
        return replace(step, shares_priority=shares)
