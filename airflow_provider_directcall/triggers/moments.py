"""A trigger for a moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_directcall.api.clock import current_clock

#: A machine's clock may be set while it sleeps.
_LONGEST_SLEEP: Final = 30.0


class MomentTrigger(BaseTrigger):
    """Fires at a moment. Airflow's own one sleeps on the system's clock, which tests cannot simulate.

    :param moment: ISO text with a zone.
    :param carried: values for the task, which its event holds: ``dag.test()`` keeps nothing else of a deferral.
    """

    def __init__(self, *, moment: str, carried: Mapping[str, str] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow does not annotate it
        self.moment = moment
        self.carried = dict(carried or {})

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments of the constructor."""
        arguments = {"moment": self.moment, "carried": self.carried}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, at the moment."""
        clock, moment = current_clock(), datetime.fromisoformat(self.moment)
        while (left := (moment - clock.now()).total_seconds()) > 0:
            await clock.sleep_async(min(left, _LONGEST_SLEEP))
        yield TriggerEvent({**self.carried, "status": "due"})  # type: ignore[no-untyped-call]  # Airflow does not annotate it
