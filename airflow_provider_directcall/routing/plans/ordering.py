"""The order of writes that leaves no caller with less than both the old and the new rules give.

Guaranteed for every state between two writes, for every time of the week and every caller:

- where both the old and the new rules have one that holds, some rule of the state holds;
- where both take the call, the state does not hang up and does not leave it with nobody.

Only the first rule that ends or takes a call counts, not the ones behind it for a forward that nobody answers. Rules
that share a priority count as the worst of them, because the vendor's choice among them is not known.

There always is such an order: create the new rules in ascending priority, then remove the old ones in descending
priority. Up to a call's new answer only old answers stand in front of it, and the other way round. That costs more
writes than turning old rules into new ones in place. So the search here is for an order with as few writes as possible,
and takes a create and a removal in place of a change only where it finds no other way. Among orders it prefers those in
which nobody meets an answer that is neither the old nor the new one, and no two rules share a priority.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from airflow_provider_directcall.routing.plans.coverage import Placed, serve
from airflow_provider_directcall.routing.plans.pairing import Pairing
from airflow_provider_directcall.routing.reading import in_order

#: Orders with so many more writes than the fewest possible are searched for; beyond, the first that is found is taken.
_MOST_EXTRA: Final = 2
#: Steps that a search looks at off its first way, and this in all for rules times steps: large sets take longer a step.
_MOST_DETOURS: Final = 2_000
_MOST_WORK: Final = 40_000
#: First-choice steps that are looked at for a flawless one, once there is a safe one.
_ENOUGH_LOOKED_AT: Final = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One write.

    :ivar before: index of the live rule that is changed or removed; None creates a rule.
    :ivar after: index of the wanted rule that stands then; None removes one.
    :ivar shares_priority: whether a rule that has to go yet stands at the same priority then.
    """

    before: int | None
    after: int | None
    shares_priority: bool = False


def order(live: Sequence[Placed], wanted: Sequence[Placed], pairing: Pairing, everything: int) -> tuple[Step, ...]:
    """Put the writes in order.

    :param live: the rules that stand, and what the indices of the pairing mean.
    :param everything: all cells of the week.
    """
    search = _Search(live, wanted, pairing, everything)
    found = (search.run(extra) for extra in (*range(_MOST_EXTRA + 1), len(wanted)))
    return next(steps for steps in found if steps is not None)


@dataclass(frozen=True, slots=True)
class _State:
    """What is left to do: indices of live rules that have to go, of wanted rules that have to come, spare writes."""

    old: frozenset[int]
    new: frozenset[int]
    extra: int


class _Search:
    """Depth first, the most promising step first; a state that led nowhere is not entered again."""

    def __init__(self, live: Sequence[Placed], wanted: Sequence[Placed], pairing: Pairing, everything: int) -> None:
        self.live, self.wanted, self.pairing = live, wanted, pairing
        before, after = serve(in_order(live), everything), serve(in_order(wanted), everything)
        self.needed = [ours & theirs for ours, theirs in zip(before.levels, after.levels, strict=True)]
        self.known = dict(before.answers)
        for answer, cells in after.answers.items():
            self.known[answer] = self.known.get(answer, 0) | cells
        self._old = frozenset(range(len(live))) - set(pairing.standing.values())
        self._new = frozenset(range(len(wanted))) - set(pairing.standing)
        self._detours = 0

    def run(self, extra: int) -> tuple[Step, ...] | None:
        """An order with at most so many writes more than the fewest possible; None when none was found."""
        self._detours = min(_MOST_DETOURS, _MOST_WORK // (len(self.live) + len(self.wanted) + 1))
        dead: set[_State] = set()
        start = _State(self._old, self._new, extra)
        way: list[tuple[_State, Iterator[Step]]] = [(start, self._steps(start))]
        taken: list[Step] = []
        while way and self._detours > 0:
            state, steps = way[-1]
            if not state.old and not state.new:
                return tuple(taken)
            step = next(steps, None)
            if step is None:
                dead.add(state)
                way.pop()
                del taken[-1:]
                self._detours -= 1 + len(state.old) + len(state.new)
                continue
            follows = _after(state, step)
            if follows not in dead:
                way.append((follows, self._steps(follows)))
                taken.append(step)
        return None

    def _steps(self, state: _State) -> Iterator[Step]:
        """Safe steps, the best first."""
        look = _Look(self, state)
        promising = look.promising()
        yield from look.best_of(promising)
        # One step of the budget is always left: without any, a search that cannot fail would end here.
        for step in look.others(set(promising)):
            if self._detours <= 1:
                break
            self._detours -= 1
            if look.judged(step).is_safe:
                yield step
        if state.extra:
            yield from (step for step in look.creates() if look.judged(step).is_safe)


def _after(state: _State, step: Step) -> _State:
    is_extra = step.before is None and len(state.new) <= len(state.old)
    return _State(state.old - {step.before}, state.new - {step.after}, state.extra - is_extra)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a step does to callers.

    :ivar is_strange: somebody may meet an answer that is neither the old nor the new one.
    """

    is_safe: bool
    is_strange: bool


class _Look:
    """The steps from one state."""

    def __init__(self, search: _Search, state: _State) -> None:
        self._search, self._state = search, state
        self._live, self._wanted = search.live, search.wanted
        self._partners = {
            after: before
            for after, before in search.pairing.partners.items()
            if after in state.new and before in state.old
        }
        self._old_places = Counter(search.live[index].priority for index in state.old)
        come = (placed for index, placed in enumerate(search.wanted) if index not in state.new)
        self._standing = in_order([*come, *(search.live[index] for index in state.old)])

    def promising(self) -> list[Step]:
        """Partners, creates and removals that the numbers of rules ask for; sharing a priority comes last."""
        old, new = self._state.old, self._state.new
        writes = [Step(self._partners.get(after), after) for after in self._ascending()]
        if len(new) <= len(old):
            writes = [step for step in writes if step.before is not None]
        surplus = old - set(self._partners.values()) if len(old) > len(new) else ()
        removals = [Step(before, None) for before in sorted(surplus, key=self._place_of_old, reverse=True)]
        return sorted(map(self._marked, [*writes, *removals]), key=lambda step: step.shares_priority)

    def others(self, tried: set[Step]) -> Iterator[Step]:
        """Every other step that costs no extra write."""
        old, new = sorted(self._state.old), self._ascending()
        befores: list[int | None] = [*old, *([None] if len(new) > len(old) else [])]
        writes = (Step(before, after) for after in new for before in befores)
        removals = (Step(before, None) for before in old if len(old) > len(new))
        return (step for step in map(self._marked, chain(writes, removals)) if step not in tried)

    def creates(self) -> Iterator[Step]:
        """A create for each rule that has to come. That of the lowest priority is always safe."""
        return (self._marked(Step(None, after)) for after in self._ascending())

    def best_of(self, steps: Sequence[Step]) -> Iterator[Step]:
        """The safe ones: flawless ones as they come, then the others."""
        flawed: list[tuple[bool, bool, Step]] = []
        for looked_at, step in enumerate(steps):
            if flawed and looked_at >= _ENOUGH_LOOKED_AT:
                break
            verdict = self.judged(step)
            if verdict.is_safe and not verdict.is_strange and not step.shares_priority:
                yield step
            elif verdict.is_safe:
                flawed.append((verdict.is_strange, step.shares_priority, step))
        yield from (step for *_, step in sorted(flawed, key=lambda each: each[:2]))

    def judged(self, step: Step) -> _Verdict:
        """What callers meet after the step, in the cells that it is about; in all others nothing changes."""
        gone = None if step.before is None else self._live[step.before]
        come = None if step.after is None else self._wanted[step.after]
        follows = [placed for placed in self._standing if placed is not gone]
        if come is not None:
            follows.insert(bisect(follows, come.priority, key=lambda placed: placed.priority), come)
        touched = (0 if gone is None else gone.holds) | (0 if come is None else come.holds)
        served = serve(follows, touched)
        needed = zip(self._search.needed, served.levels, strict=True)
        return _Verdict(
            is_safe=not any(must & touched & ~does for must, does in needed),
            is_strange=any(cells & ~self._search.known.get(answer, 0) for answer, cells in served.answers.items()),
        )

    def _marked(self, step: Step) -> Step:
        if step.after is None:
            return step
        priority = self._wanted[step.after].priority
        leaves = step.before is not None and self._live[step.before].priority == priority
        return Step(step.before, step.after, shares_priority=self._old_places[priority] > leaves)

    def _ascending(self) -> list[int]:
        return sorted(self._state.new, key=lambda index: (self._wanted[index].priority, index))

    def _place_of_old(self, index: int) -> tuple[float, int]:
        return self._live[index].priority, index
