"""Values that the tasks of all DAGs share, as JSON in Airflow Variables.

XComs cannot hold them: they belong to one task, are deleted when it is retried, and Airflow does not order those of
scheduled runs and of runs without a logical date by time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from airflow_provider_directcall.api.digests import keyed_digest

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies.envelope import Json, JsonObject
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.routing.writes.drift import Memory

T = TypeVar("T")

_NAME_DIGITS: Final = 16

log = logging.getLogger(__name__)


@dataclass
class SharedVariable(Generic[T]):
    """One value in a Variable. Where Airflow cannot read or write it, the task logs a warning and goes on.

    :param name: of the Variable. Deleting the Variable makes tasks forget the value.
    :param description: shown beside the Variable.
    :param parse: reads the stored JSON; raises ValueError.
    :param dump: writes it.
    :param if_unread: consequence of a failed read, for the warning.
    :param if_unwritten: consequence of a failed write.
    """

    name: str
    description: str
    _: KW_ONLY
    parse: Callable[[Json], T | None]
    dump: Callable[[T], JsonObject]
    if_unread: str
    if_unwritten: str
    _known: T | None = field(default=None, init=False)

    def read(self) -> T | None:
        """Return the value, or None where there is none or it cannot be read."""
        from airflow.sdk import Variable
        from airflow.sdk.exceptions import AirflowRuntimeError

        self._known = None
        try:
            text = Variable.get(self.name, default=None)
            value = None if text is None else json.loads(text)
            self._known = None if value is None else self.parse(value)
        except (AirflowRuntimeError, ValueError) as error:
            self._warn("read", error, self.if_unread)
        return self._known

    def write(self, value: T) -> None:
        """Store the value, unless it was read or written before."""
        from airflow.sdk import Variable
        from airflow.sdk.exceptions import AirflowRuntimeError

        if value == self._known:
            return
        try:
            Variable.set(self.name, json.dumps(self.dump(value)), description=self.description)
        except AirflowRuntimeError as error:
            self._warn("written", error, self.if_unwritten)
        else:
            self._known = value

    def _warn(self, verb: str, error: Exception, consequence: str) -> None:
        log.warning("The Variable %s could not be %s (%s); %s.", self.name, verb, type(error).__name__, consequence)


def sound_variable(settings: Settings, sha256: str, name: str) -> SharedVariable[int]:
    """Return the id of an uploaded sound: Directcall documents no list of sounds.

    :param settings: of the connection; base URL and client id identify the account.
    :param sha256: of the audio, in hex digits.
    :param name: of the sound, for the description.
    """
    subject = f"{settings.base_url}\n{settings.client_id}\n{sha256}"
    digest = keyed_digest(settings.client_secret, "directcall sound 1", subject)
    consequence = "the same audio may be uploaded again"
    return SharedVariable(
        f"directcall_sound_{digest[:_NAME_DIGITS]}",
        f"The sound {name!r} at Directcall; delete this to upload it again",
        parse=_parse_sound,
        dump=lambda sound_id: {"sound_id": sound_id},
        if_unread=consequence,
        if_unwritten=consequence,
    )


def _parse_sound(value: Json) -> int | None:
    sound_id = value.get("sound_id") if isinstance(value, Mapping) else None
    return sound_id if isinstance(sound_id, int) else None


def rules_variable(did: str, secret: str) -> SharedVariable[Memory]:
    """Return the rules of a number as last written by any DAG, to detect drift in the next run.

    :param did: the number, without 55.
    :param secret: the connection's client secret.
    """
    from airflow_provider_directcall.routing.writes.drift import Memory
    from airflow_provider_directcall.telephony.masking import mask_number

    return SharedVariable(
        f"directcall_rules_{keyed_digest(secret, 'directcall rule memory 1', did)[:_NAME_DIGITS]}",
        f"Rules of number {mask_number(did)} as last written from Airflow; used to detect drift",
        parse=Memory.from_json,
        dump=Memory.as_json,
        if_unread="drift is not detected this time",
        if_unwritten="the next run may report this run's changes as drift",
    )
