"""Watchers of incoming events, against the local Directcall on a simulated clock."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from airflow_provider_directcall.api.replies import ReceivedMessage, StatementRow
from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.sandbox import Fault
from airflow_provider_directcall.sandbox.statement_rows import format_row
from airflow_provider_directcall.triggers.watchers import (
    DirectcallMissedCallTrigger,
    DirectcallReceivedCallTrigger,
    DirectcallReceivedSMSTrigger,
    DirectcallRecordingTrigger,
    WatchTrigger,
)

from ..airflow_world.world import World

DID, SHORT = "1130000001", "27000"
PERSON, OTHER = "5511990000001", "5511990000002"
TEXT = "Pare, por favor"


class AssetStore:
    """Airflow's state store of one asset; JSON only."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.writes = 0
        self.is_down = False

    async def aget(self, key: str, default: object = None) -> object:
        if self.is_down:
            raise RuntimeError("no answer")
        return json.loads(self.kept[key]) if key in self.kept else default

    async def aset(self, key: str, value: object) -> None:
        if self.is_down:
            raise RuntimeError("no answer")
        self.writes += 1
        self.kept[key] = json.dumps(value)
        assert len(self.kept[key]) < 64 * 1024


class Triggerer:
    """Runs a watcher for some time; a new run is a new process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = AssetStore()

    def run(
        self, trigger: WatchTrigger, seconds: float, meanwhile: dict[float, Callable[[], object]] | None = None
    ) -> list[dict[str, str]]:
        """Return the events, as Airflow stores them.

        :param meanwhile: seconds after the start -> function.
        """
        path, arguments = trigger.serialize()
        assert path.rpartition(".")[2] == type(trigger).__name__
        trigger = type(trigger)(**json.loads(json.dumps(arguments)))
        trigger.asset_state_store = self.store
        started, events, due = self.world.now(), [], dict(meanwhile or {})

        async def collect() -> None:
            async for event in trigger.run():
                events.append(json.loads(json.dumps(event.payload)))  # noqa: PERF401 - it never ends

        async def watch() -> None:
            task = asyncio.ensure_future(collect())

            def passing() -> None:
                passed = (self.world.now() - started).total_seconds()
                for moment in [moment for moment in due if moment <= passed]:
                    due.pop(moment)()
                if passed >= seconds:
                    task.cancel()

            self.world.while_waiting = passing
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(task, 60)

        asyncio.run(watch())
        self.world.while_waiting = lambda: None
        return events


@pytest.fixture
def triggerer(world: World) -> Triggerer:
    return Triggerer(world)


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> AssetStore:
    """Airflow's Variables."""
    variables = AssetStore()
    monkeypatch.setattr("airflow_provider_directcall.runtime.watch_store.read_async", variables.aget)
    monkeypatch.setattr("airflow_provider_directcall.runtime.watch_store.write_async", variables.aset)
    return variables


def write(world: World, text: str = TEXT, origin: str = PERSON, destination: str = SHORT) -> Callable[[], object]:
    return lambda: world.sandbox.receive_message(origin, destination, text)


def call(world: World, source: str = PERSON, *, answered: bool = True) -> Callable[[], object]:
    def receive() -> None:
        rule = {} if answered else {"did": DID, "action": "hangup", "priority": "0"}
        if rule:
            world.sandbox.write_rule(**rule)
        world.sandbox.receive_call(DID, source)

    return receive


def row_of(event: dict[str, str]) -> ReceivedMessage | StatementRow:
    with DirectcallHook() as hook:
        return hook.incoming(event)


def test_each_received_sms_that_begins_with_a_word_is_one_event(world: World, triggerer: Triggerer) -> None:
    write(world, "PARE antes")()
    world.sandbox.advance(120)
    watcher = DirectcallReceivedSMSTrigger(words=["PARE", "não quero"])
    meanwhile = {
        100: write(world),
        200: write(world, "nao quero!", OTHER),
        300: write(world, "Não pare"),
        310: write(world, "Parede"),
    }
    events = triggerer.run(watcher, 7200, meanwhile)
    assert [set(event) for event in events] == [{"kind", "id", "at"}] * 2
    assert {event["kind"] for event in events} == {"received_sms"}
    assert len({event["id"] for event in events}) == 2
    first = row_of(events[0])
    assert (first.origin, first.text) == (PERSON, TEXT)
    assert first.received_at.isoformat() == events[0]["at"]


@pytest.mark.parametrize(
    ("watcher", "caller"), [(DirectcallReceivedCallTrigger(), PERSON), (DirectcallMissedCallTrigger(), OTHER)]
)
def test_received_and_missed_calls(world: World, triggerer: Triggerer, watcher: WatchTrigger, caller: str) -> None:
    events = triggerer.run(watcher, 1200, {60: call(world), 120: call(world, OTHER, answered=False)})
    assert [event["kind"] for event in events] == [watcher.kind]
    assert row_of(events[0]).origin == caller


def test_only_calls_to_the_named_numbers(world: World, triggerer: Triggerer) -> None:
    to_another = DirectcallReceivedCallTrigger(destinations=["551130000009"])
    assert triggerer.run(to_another, 900, {60: call(world)}) == []
    to_this = DirectcallReceivedCallTrigger(destinations=[f"55{DID}"])
    assert len(Triggerer(world).run(to_this, 900, {60: call(world)})) == 1


def test_a_recording(world: World, triggerer: Triggerer) -> None:
    def record() -> None:
        with DirectcallHook() as hook:
            hook.place_call("551130000001", PERSON, record=True)

    events = triggerer.run(DirectcallRecordingTrigger(), 1800, {60: record})
    assert [event["kind"] for event in events] == ["recording"]
    assert row_of(events[0]).recording_url


def test_a_late_row_is_an_event(world: World, triggerer: Triggerer) -> None:
    world.sandbox.configure(statement_delay=1800)
    assert len(triggerer.run(DirectcallReceivedCallTrigger(), 4000, {60: call(world)})) == 1


def test_a_restart_repeats_nothing_and_misses_nothing(world: World, triggerer: Triggerer) -> None:
    watcher = DirectcallReceivedSMSTrigger()
    first = triggerer.run(watcher, 600, {100: write(world)})
    write(world, "in between")()
    world.sandbox.advance(5 * 3600)
    write(world, "also in between", OTHER)()
    second = triggerer.run(watcher, 600)
    third = triggerer.run(watcher, 600)
    assert [len(first), len(second), len(third)] == [1, 2, 0]
    assert len({event["id"] for event in (*first, *second)}) == 3


def test_a_pause_of_a_week_is_caught_up(world: World, triggerer: Triggerer) -> None:
    watcher = DirectcallReceivedSMSTrigger()
    triggerer.run(watcher, 60)
    for number in range(7):
        write(world, f"{number}")()
        world.sandbox.advance(timedelta(days=1).total_seconds())
    assert len(triggerer.run(watcher, 300)) == 7


def test_a_pause_is_caught_up_with_a_lateness_of_days(world: World, triggerer: Triggerer) -> None:
    watcher = DirectcallReceivedSMSTrigger(late_seconds=timedelta(days=2).total_seconds())
    triggerer.run(watcher, 60)
    for number in range(7):
        write(world, f"{number}")()
        world.sandbox.advance(timedelta(days=1).total_seconds())
    asked = world.requests["sms/recebimento"]
    assert len(triggerer.run(watcher, 300)) == 7
    assert world.requests["sms/recebimento"] - asked < 60


def test_a_pause_with_more_rows_than_one_read_takes_is_caught_up(
    world: World, triggerer: Triggerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_directcall.api.bounds.LOOKUP_ROWS", 100)
    monkeypatch.setattr("airflow_provider_directcall.api.lookups.LOOKUP_ROWS", 100)
    monkeypatch.setattr("airflow_provider_directcall.api.bounds.LOT_ROWS", 100)
    watcher = DirectcallReceivedSMSTrigger()
    triggerer.run(watcher, 60)
    for number in range(230):
        write(world, f"{number}")()
        world.sandbox.advance(300)
    assert len(triggerer.run(watcher, 3600)) == 230


def test_a_process_that_dies_at_once_repeats_its_last_event(world: World, triggerer: Triggerer) -> None:
    """Airflow does not say when it has stored an event: one too many is better than none."""
    watcher = DirectcallReceivedSMSTrigger(poll_interval=10)
    first = triggerer.run(watcher, 125, {100: write(world)})
    again = triggerer.run(watcher, 300)
    assert len(first) == 1
    assert again == first
    assert triggerer.run(watcher, 300) == []


def test_errors_and_a_wrong_secret_end_no_watch(
    world: World, triggerer: Triggerer, connect: Callable[..., None]
) -> None:
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="sms/recebimento", times=12))
    connect(password="wrong")
    meanwhile = {60: write(world), 400: connect}
    assert len(triggerer.run(DirectcallReceivedSMSTrigger(), 7200, meanwhile)) == 1


def test_a_store_that_does_not_answer_delays_the_start_and_loses_nothing(world: World, triggerer: Triggerer) -> None:
    watcher = DirectcallReceivedSMSTrigger()
    triggerer.run(watcher, 60)
    write(world)()
    triggerer.store.is_down = True
    assert triggerer.run(watcher, 600) == []
    triggerer.store.is_down = False
    assert len(triggerer.run(watcher, 600)) == 1


def test_the_store_is_written_seldom_and_holds_no_personal_data(
    world: World, triggerer: Triggerer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        events = triggerer.run(DirectcallReceivedSMSTrigger(), 3600, {100: write(world)})
    assert triggerer.store.writes < 10
    kept = json.dumps(triggerer.store.kept) + json.dumps(events) + caplog.text
    for private in (PERSON, PERSON[2:], TEXT, SHORT):
        assert private not in kept


def test_without_a_state_store_a_variable_keeps_the_state(
    triggerer: Triggerer, world: World, variables: AssetStore
) -> None:
    triggerer.store = None  # type: ignore[assignment]
    watcher = DirectcallReceivedSMSTrigger()
    assert len(triggerer.run(watcher, 600, {100: write(world)})) == 1
    assert triggerer.run(watcher, 600) == []
    assert [name[:17] for name in variables.kept] == ["directcall_watch_"]


class TwoAssets:
    """Airflow's state stores of a trigger of two assets."""

    def __init__(self, first: AssetStore) -> None:
        self._by_name = {"first": first, "second": AssetStore()}
        self._by_uri: dict[str, AssetStore] = {}
        self._total = 2


def test_the_state_is_found_after_it_has_changed_its_place(world: World, triggerer: Triggerer) -> None:
    """Another asset with an equal trigger, and back; from Airflow 3.2, without a store, to 3.3."""
    watcher, one = DirectcallReceivedSMSTrigger(), triggerer.store
    events = []
    for number, store in enumerate([None, one, TwoAssets(one), one]):
        triggerer.store = store  # type: ignore[assignment]
        events += triggerer.run(watcher, 900, {100: write(world, f"{number}")})
        write(world, f"after {number}")()
        world.sandbox.advance(5 * 3600)
    events += triggerer.run(watcher, 900)
    assert len(events) == len({event["id"] for event in events}) == 8


def test_a_statement_without_directions_proves_no_received_call(
    world: World, triggerer: Triggerer, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    """A filter that the vendor ignores would list placed calls: their parties must not be texted."""

    def without_direction(*arguments: object, **options: object) -> dict[str, object]:
        return {name: value for name, value in format_row(*arguments, **options).items() if name != "tipo"}  # type: ignore[arg-type]

    monkeypatch.setattr("airflow_provider_directcall.sandbox.endpoints.statement.format_row", without_direction)
    assert triggerer.run(DirectcallReceivedCallTrigger(), 900, {60: call(world)}) == []
    assert "destinations" in logged()
    named = DirectcallReceivedCallTrigger(destinations=[DID])
    assert len(Triggerer(world).run(named, 900, {60: call(world)})) == 1


@pytest.mark.parametrize(
    "quirks",
    [
        {"callerid_missing"},
        {"rows_in_pieces"},
        {"leg_rows"},
        {"times_without_seconds"},
        {"times_day_first", "callerid_upper"},
        {"rows_late", "callerid_missing"},
        {"paginas_missing"},
    ],
)
def test_other_forms_of_rows_make_one_event_each(world: World, triggerer: Triggerer, quirks: set[str]) -> None:
    world.sandbox.configure(quirks=frozenset(quirks))
    events = triggerer.run(DirectcallMissedCallTrigger(), 2400, {120: call(world, OTHER, answered=False)})
    assert len(events) == 1
    assert row_of(events[0]).origin == OTHER


def shown_as(monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    def changed(*arguments: object, **options: object) -> dict[str, object]:
        return change(format_row(*arguments, **options))  # type: ignore[arg-type]

    monkeypatch.setattr("airflow_provider_directcall.sandbox.endpoints.statement.format_row", changed)


def test_a_call_is_one_event_although_its_recording_appears_later(
    world: World, triggerer: Triggerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sandbox.configure(quirks=frozenset({"callerid_missing"}))
    called_at = world.now()

    def recorded_later(row: dict[str, object]) -> dict[str, object]:
        is_there = world.now() - called_at > timedelta(minutes=10)
        return {**row, "gravacao_link": "http://www.directdial.com.br/gravacao/1" if is_there else ""}

    shown_as(monkeypatch, recorded_later)
    events = triggerer.run(DirectcallReceivedCallTrigger(destinations=[DID]), 2400, {60: call(world)})
    assert len(events) == 1
    assert row_of(events[0]).origin == PERSON


def test_each_recording_of_a_call_is_an_event(
    world: World, triggerer: Triggerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[object, str] = {}

    def of_one_call(row: dict[str, object]) -> dict[str, object]:
        link = seen.setdefault(row["callerid"], f"http://www.directdial.com.br/gravacao/{len(seen)}")
        return {**row, "callerid": "one-call", "gravacao_link": link}

    def record() -> None:
        with DirectcallHook() as hook:
            for person in (PERSON, OTHER):
                hook.place_call("551130000001", person, record=True)

    shown_as(monkeypatch, of_one_call)
    events = triggerer.run(DirectcallRecordingTrigger(), 1800, {60: record})
    assert len(events) == 2
    assert {row_of(event).recording_url for event in events} == set(seen.values())


def test_a_call_of_three_hours_is_an_event(world: World, triggerer: Triggerer) -> None:
    """Its row appears at its end, with the time of its beginning."""
    world.sandbox.configure(statement_delay=3 * 3600)
    assert len(triggerer.run(DirectcallReceivedCallTrigger(), 4 * 3600, {60: call(world)})) == 1


def test_a_statement_whose_times_are_far_behind_is_said(
    world: World, triggerer: Triggerer, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    def behind(row: dict[str, object]) -> dict[str, object]:
        moment = datetime.fromisoformat(str(row["inicio"])) - timedelta(hours=9)
        return {**row, "inicio": moment.isoformat(" ")}

    shown_as(monkeypatch, behind)
    assert triggerer.run(DirectcallReceivedCallTrigger(), 900, {60: call(world)}) == []
    assert logged().count("timezone or raise late_seconds") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"words": "PARE"}, "words: a list"),
        ({"words": [""]}, "words"),
        ({"words": ["?!"]}, "words"),
        ({"words": ["x" * 141]}, "words"),
        ({"words": [None]}, "words"),
        ({"destinations": "551130000001"}, "destinations: a list"),
        ({"destinations": [551130000001.0]}, "destinations"),
        ({"poll_interval": 0}, "poll_interval"),
        ({"late_seconds": -1}, "late_seconds"),
    ],
)
def test_bad_arguments_fail_when_the_file_is_parsed(arguments: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        DirectcallReceivedSMSTrigger(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "event", [{}, {"kind": "fax", "id": "1", "at": None}, {"kind": "missed_call", "id": "1", "at": "x"}]
)
def test_an_event_of_another_kind_is_rejected(world: World, event: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="event"):
        row_of(event)
