"""The triggers of 0.1.0, under whose names deferred tasks may be waiting in a database: they become today's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.triggers.delivery import DeliveryTrigger, Stage
from airflow_provider_directcall.triggers.polling import argument_names


class LegacyTrigger(DeliveryTrigger):
    """A trigger of 0.1.0; stored again, it is a :class:`DeliveryTrigger`."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path and arguments of today's trigger."""
        arguments = {name: getattr(self, name) for name in argument_names(DeliveryTrigger)}
        return f"{DeliveryTrigger.__module__}.{DeliveryTrigger.__qualname__}", arguments


class CallCompletedTrigger(LegacyTrigger):
    """Waited for the end of a call."""

    def __init__(
        self,
        *,
        callerid: str | None = None,
        schedule_id: str | None = None,
        origin: str | None = None,
        destination: str,
        since: str,
        due_at: str | None = None,
        **polling: Any,  # noqa: ANN401 - as stored
    ) -> None:
        ids = {"callerid": callerid, "schedule_id": schedule_id}
        super().__init__(
            errand=_call(origin, destination, due_at),
            record=_record(Phase.SENT, "", since, {name: value for name, value in ids.items() if value is not None}),
            stage=Stage.END.value,
            **polling,
        )


class MessageDeliveredTrigger(LegacyTrigger):
    """Waited for the end of a message."""

    def __init__(
        self,
        *,
        callerid: str,
        due_at: str | None = None,
        **polling: Any,  # noqa: ANN401 - as stored
    ) -> None:
        super().__init__(
            errand={"kind": "message", "destinations": [], "due_at": due_at},
            record=_record(Phase.SENT, "", datetime.now(UTC).isoformat(), {"callerid": callerid}),
            stage=Stage.END.value,
            **polling,
        )


class CallSettlingTrigger(LegacyTrigger):
    """Looked for a call."""

    def __init__(
        self,
        *,
        key: str,
        since: str,
        destination: str,
        origin: str | None = None,
        scheduled_for: str | None = None,
        **polling: Any,  # noqa: ANN401 - as stored
    ) -> None:
        super().__init__(
            errand=_call(origin, destination, scheduled_for),
            record=_record(Phase.SENDING, key, since, {}),
            stage=Stage.RECONCILE.value,
            **polling,
        )


class MessageSettlingTrigger(LegacyTrigger):
    """Looked for a message."""

    def __init__(
        self,
        *,
        key: str,
        since: str,
        destinations: Sequence[str],
        scheduled_for: str | None = None,
        **polling: Any,  # noqa: ANN401 - as stored
    ) -> None:
        super().__init__(
            errand={"kind": "message", "destinations": list(destinations), "due_at": scheduled_for},
            record=_record(Phase.SENDING, key, since, {}),
            stage=Stage.RECONCILE.value,
            **polling,
        )


def _call(origin: str | None, destination: str, due_at: str | None) -> dict[str, object]:
    from airflow_provider_directcall.telephony.numbers import CALLABLE, parse_number

    digits = parse_number(destination, argument="destination", allow=CALLABLE).digits
    return {"kind": "call", "origin": origin, "destination": digits, "due_at": due_at}


def _record(phase: Phase, key: str, since: str, ids: dict[str, str]) -> dict[str, object]:
    return Record(
        phase=phase,
        generation=0,
        key=key,
        since=datetime.fromisoformat(since),
        max_tries=0,
        try_number=1,
        ids=ids,
    ).as_json()
