"""Carries the steps of an alert out: in a callback that has some seconds, or on an event loop that can wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow.providers.common.compat.sdk import conf

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.delivery.alert_slots import (
    Delay,
    OutOfTimeError,
    Post,
    ReadSlot,
    WriteSlot,
    claim,
    new_claim,
)
from airflow_provider_directcall.runtime.alerts.options import LIFETIME
from airflow_provider_directcall.runtime.alerts.store import AlertStoreError, VariableStore, answered, slot_in
from airflow_provider_directcall.runtime.alerts.subjects import summary_subject

if TYPE_CHECKING:
    from collections.abc import Generator

    from airflow_provider_directcall.api.client import AsyncClient, Client
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.delivery.alert_slots import AlertSubject
    from airflow_provider_directcall.delivery.alerts import Alerter, Ring
    from airflow_provider_directcall.runtime.alerts.options import AlertOptions
    from airflow_provider_directcall.runtime.alerts.store import AlertStore

T = TypeVar("T")

#: Rows of the statement may be so late.
_SETTLE_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 15.0
#: A watcher that has not looked for so long is not relied on.
_WATCHER_SILENCE: Final = timedelta(minutes=5)
#: Airflow ends the process of a task this long after its end (``[core] task_success_overtime``), callbacks or not.
_DEFAULT_OVERTIME: Final = 20.0
#: The part of that time that a callback leaves to its last request, and to other callbacks.
_RESERVE: Final = 4.0
#: The DAG processor ends its own after this time (``[dag_processor] dag_file_processor_timeout``), of which parsing the
#: file and the first answer of its own API take a part.
_DEFAULT_PROCESSOR_TIME: Final = 50.0
_PROCESSOR_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class ReadValue:
    """Read a Variable that is no slot; the answer is its JSON."""

    name: str


@dataclass(frozen=True, slots=True)
class CountFailures:
    """Count the failed tasks of a run; the answer is None where Airflow does not say."""

    subject: AlertSubject


def alert(
    options: AlertOptions, subject: AlertSubject, settings: Settings, *, follows: bool
) -> Generator[ReadValue | CountFailures | ReadSlot | WriteSlot | Delay | Request[Any], Any, Ring]:
    """Alert for one event; say once in a while how many alerts were held back.

    :param follows: whether the caller follows the alert until it is answered, so that no watcher is needed for that.
    """
    from airflow_provider_directcall.delivery.alerts import HeldBack

    names = options.slot_names(settings)
    waits = bool(options.then) and (follows or _is_recent((yield ReadValue(names.watcher))))
    rung = yield from alerter_of(options, settings, waits=waits).ring(subject, names.alerts, LIFETIME)
    if not isinstance(rung, HeldBack) or not options.summaries:
        return rung
    of_summary = summary_subject(subject, new_claim())
    post = yield from claim(
        of_summary, of_summary.state, [names.summary], lifetime=options.summary_lifetime, clock=current_clock()
    )
    if not isinstance(post, Post):
        return rung
    count = yield CountFailures(subject)
    return (yield from alerter_of(options, settings, waits=False, held_back=count, length=1).ring_in(post))


def alerter_of(
    options: AlertOptions, settings: Settings, *, waits: bool, held_back: int | None = None, length: int | None = None
) -> Alerter:
    """Return the sender of the messages of these options."""
    from airflow_provider_directcall.delivery.alerts import Alerter, Chain
    from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts

    chain = Chain(
        lambda slot: options.errand(slot, held_back),
        length or len(options.numbers),
        timedelta(seconds=options.answer_within),
        waits,
    )
    timeouts = ReconcileTimeouts(
        settle_seconds=_SETTLE_SECONDS, longest_seconds=_SETTLE_SECONDS, poll_interval=_POLL_SECONDS
    )
    deployment = conf.get("directcall", "deployment", fallback="")
    return Alerter(chain, settings=settings, clock=current_clock(), timeouts=timeouts, deployment=deployment)


def seconds_of_callback(context: Mapping[str, Any]) -> float:
    """Return how long a callback may take before Airflow ends its process.

    Contexts that the DAG processor makes have no task, or one without a state.
    """
    if getattr(context.get("ti"), "state", None) is None:
        limit = conf.getfloat("dag_processor", "dag_file_processor_timeout", fallback=_DEFAULT_PROCESSOR_TIME)
        return float(limit) * _PROCESSOR_SHARE
    overtime = float(conf.getfloat("core", "task_success_overtime", fallback=_DEFAULT_OVERTIME))
    return max(overtime - _RESERVE, 0.0)


def watcher_value(now: datetime) -> Mapping[str, object]:
    """Return the sign that a watcher leaves after a look."""
    return {"looked_at": now.isoformat()}


@dataclass(frozen=True, slots=True)
class CallbackRinger:
    """Carries steps out in a process that Airflow ends soon.

    :ivar until: by the monotonic clock.
    """

    client: Client
    store: AlertStore
    until: float

    def run(self, steps: Generator[Any, Any, T]) -> T:
        """Carry all steps out.

        :raises OutOfTimeError: the time is over.
        """
        from airflow_provider_directcall.api.lookups import drive

        return drive(steps, self._perform)

    def _perform(self, effect: object) -> object:
        from airflow_provider_directcall.api.requests import Request

        clock = current_clock()
        match effect:
            case ReadSlot(name):
                return slot_in(self.store.read(name))
            case WriteSlot(name, slot):
                self.store.write(name, slot.as_json())
                return None
            case ReadValue(name):
                return self.store.read(name)
            case CountFailures(subject):
                return failures_of(subject)
            case Delay(seconds):
                if clock.monotonic() + seconds > self.until:
                    raise OutOfTimeError
                clock.sleep(seconds)
                return None
            case Request():
                return self.client.send(effect)
        raise TypeError(f"no effect of an alert: {type(effect).__name__}")


@dataclass(frozen=True, slots=True)
class LoopRinger:
    """Carries steps out on an event loop, such as the triggerer's."""

    client: AsyncClient

    async def run(self, steps: Generator[Any, Any, T]) -> T:
        """Carry all steps out."""
        from airflow_provider_directcall.api.lookups import drive_async

        return await drive_async(steps, self._perform)

    async def _perform(self, effect: object) -> object:
        from airflow_provider_directcall.api.requests import Request

        match effect:
            case ReadSlot(name):
                return slot_in(await read_async(name))
            case WriteSlot(name, slot):
                await write_async(name, slot.as_json())
                return None
            case ReadValue(name):
                return await read_async(name)
            case CountFailures(subject):
                from asgiref.sync import sync_to_async

                return await sync_to_async(failures_of)(subject)
            case Delay(seconds):
                await current_clock().sleep_async(seconds)
                return None
            case Request():
                return await self.client.send(effect)
        raise TypeError(f"no effect of an alert: {type(effect).__name__}")


async def read_async(name: str) -> object:
    """Read a Variable from an event loop; the JSON, or None."""
    from asgiref.sync import sync_to_async

    return await sync_to_async(VariableStore().read)(name)


async def write_async(name: str, value: Mapping[str, object]) -> None:
    """Replace a Variable from an event loop."""
    from asgiref.sync import sync_to_async

    await sync_to_async(VariableStore().write)(name, value)


def failures_of(subject: AlertSubject) -> int | None:
    """Count the failed tasks of a run, as Airflow has them now; None where it does not say."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    try:
        count = answered(
            lambda: RuntimeTaskInstance.get_ti_count(
                dag_id=subject.dag_id, run_ids=[subject.run_id], states=["failed", "up_for_retry"]
            )
        )
    except AlertStoreError:
        return None
    return count if isinstance(count, int) else None


def _is_recent(stored: object) -> bool:
    """Whether a watcher has looked in the last minutes."""
    text = stored.get("looked_at") if isinstance(stored, Mapping) else None
    try:
        looked_at = datetime.fromisoformat(str(text))
        return current_clock().now() - looked_at < _WATCHER_SILENCE
    except (ValueError, TypeError):
        return False
