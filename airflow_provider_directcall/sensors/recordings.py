"""The sensor of recordings of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from airflow_provider_directcall.sensors.statement import DirectcallTaggedCallSensor

if TYPE_CHECKING:
    from airflow_provider_directcall.statement.calls import Call

_FIELDS: Final = ("callerid", "started_at", "duration_seconds", "outcome")


class DirectcallRecordingSensor(DirectcallTaggedCallSensor):
    """Wait until the recordings of calls are in the statement (``gravacao_link``).

    They are those of calls with certain tags, or of the one that a task placed. The result is a list of calls:
    ``callerid``, ``started_at``, ``duration_seconds``, ``outcome``, ``is_recorded``, ``recording_url``. The address of
    a recording is a secret: whoever has it can listen.

    A call that was not answered has no recording: it ends the wait with ``is_recorded`` False. One that was answered is
    waited for until its row shows a recording; of a call that was not to be recorded that is the time-out, so pair the
    sensor with ``record=True``.

    Takes the parameters of :class:`~.statement.DirectcallTaggedCallSensor`, works in the same modes, and shares its
    poll. The recording's address is read from the statement of calls, whose rows prove by an id, a key or tags whose
    call it is; those of the list of recordings are documented without any of them.
    """

    _waits_for_recordings: ClassVar[bool] = True

    def _shown(self, call: Call) -> dict[str, object]:
        shown = call.as_xcom()
        url = call.recording_url
        return {**{name: shown[name] for name in _FIELDS}, "is_recorded": url is not None, "recording_url": url}
