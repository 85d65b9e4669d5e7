"""Processes that contend for the slots of alerts, with answers of the store as slow as they may be."""

from __future__ import annotations

import heapq
import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_directcall.delivery.alert_slots import (
    LONGEST_WRITE_SECONDS,
    SETTLE_SECONDS,
    AlertSlot,
    AlertSubject,
    Delay,
    Known,
    OutOfTimeError,
    Post,
    ReadSlot,
    WriteSlot,
    claim,
    swap,
)

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = ["slot_1", "slot_2", "slot_3"]


class Contest:
    """Processes on a simulated clock; each effect takes place at a random moment of the time that it takes."""

    def __init__(self, seed: int, slowest: float) -> None:
        self.random = random.Random(seed)
        self.slowest = slowest
        self.now_ = 0.0
        self.slots: dict[str, AlertSlot] = {}
        self._queue: list[tuple[float, int, object]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.now_)

    def monotonic(self) -> float:
        return self.now_

    def at(self, seconds: float, action: object) -> None:
        heapq.heappush(self._queue, (seconds, next(self._order), action))

    def run(self, processes: dict[str, object]) -> dict[str, object]:
        """Run generators until all have ended; return their results."""
        results: dict[str, object] = {}
        for name, steps in processes.items():
            self.at(
                self.now_ + self.random.uniform(0, 3),
                lambda name=name, steps=steps: self._step(name, steps, None, results),
            )
        while self._queue:
            self.now_, _, action = heapq.heappop(self._queue)
            action()
        return results

    def _step(self, name: str, steps: object, answer: object, results: dict[str, object]) -> None:
        try:
            effect = steps.send(answer)
        except StopIteration as end:
            results[name] = end.value
            return
        except OutOfTimeError:
            return
        if isinstance(effect, Delay):
            self.at(self.now_ + effect.seconds, lambda: self._step(name, steps, None, results))
            return
        arrives = self.now_ + self.random.uniform(0, self.slowest)
        self.at(arrives, lambda: self._take_place(name, steps, effect, results))

    def _take_place(self, name: str, steps: object, effect: object, results: dict[str, object]) -> None:
        answer = None
        if isinstance(effect, ReadSlot):
            answer = self.slots.get(effect.name)
        elif isinstance(effect, WriteSlot):
            self.slots[effect.name] = effect.slot
        returns = self.now_ + self.random.uniform(0, self.slowest)
        self.at(returns, lambda: self._step(name, steps, answer, results))


def subject(number: int) -> AlertSubject:
    return AlertSubject("dag", "run", "task", number, 1)


def contend(contest: Contest, names: list[str], events: list[int]) -> dict[str, object]:
    return contest.run(
        {
            f"process {index}": claim(subject(event), f"key {event}", names, lifetime=HOUR, clock=contest)
            for index, event in enumerate(events)
        }
    )


@pytest.mark.parametrize("slowest", [0.1, 0.6, 1.0, 3.0])
def test_no_slot_is_won_by_two(slowest: float) -> None:
    for seed in range(400):
        results = contend(Contest(seed, slowest), NAMES, list(range(10)))
        won = [post.name for post in results.values() if isinstance(post, Post)]
        assert len(won) == len(set(won)), seed


@pytest.mark.parametrize("slowest", [0.1, 0.6, 3.0])
def test_an_event_that_is_fired_twice_wins_one_slot(slowest: float) -> None:
    for seed in range(400):
        results = contend(Contest(seed, slowest), NAMES, [1, 1, 1, 2])
        keys = [post.slot.key for post in results.values() if isinstance(post, Post)]
        assert keys.count("key 1") <= 1, seed


def test_an_answer_that_comes_at_once_wins() -> None:
    results = contend(Contest(1, 0.01), NAMES, [1])
    assert isinstance(results["process 0"], Post)


def test_the_last_one_of_a_crowd_gets_nothing() -> None:
    contest = Contest(1, 0.1)
    contend(contest, NAMES, [1, 2, 3])
    assert contend(contest, NAMES, [4])["process 0"] is None
    known = contend(contest, NAMES, [2])["process 0"]
    assert isinstance(known, Known)
    assert known.slot.key == "key 2"


def test_a_slot_is_free_again_after_its_lifetime_or_when_it_was_abandoned() -> None:
    contest = Contest(1, 0.01)
    contend(contest, NAMES[:1], [1])
    assert contend(contest, NAMES[:1], [2])["process 0"] is None
    contest.now_ += 61
    assert isinstance(contend(contest, NAMES[:1], [2])["process 0"], Post), "nothing was sent under the first claim"


def test_one_of_two_followers_goes_on() -> None:
    for seed in range(100):
        contest = Contest(seed, 0.4)
        post = contend(contest, NAMES, [1])["process 0"]
        assert isinstance(post, Post)
        posts = [Post(post.name, post.slot) for _ in range(3)]
        results = contest.run({str(index): swap(each, each.slot, contest) for index, each in enumerate(posts)})
        assert sum(map(bool, results.values())) <= 1, seed


def test_a_slow_write_gives_up_and_one_that_is_just_in_time_waits_longer() -> None:
    assert SETTLE_SECONDS >= 2 * LONGEST_WRITE_SECONDS


def test_a_slot_survives_its_store_and_holds_no_number() -> None:
    contest = Contest(1, 0.01)
    post = contend(contest, NAMES, [1])["process 0"]
    assert isinstance(post, Post)
    assert AlertSlot.from_json(post.slot.as_json()) == post.slot
    with pytest.raises(ValueError, match="cannot be read"):
        AlertSlot.from_json({"dag_id": "dag"})
