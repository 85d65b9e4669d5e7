"""Which audios are stored at Directcall already: it documents no list of sounds."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.runtime.variables import SharedMemory

if TYPE_CHECKING:
    from airflow_provider_directcall.api.settings import Settings

VARIABLE_PREFIX: Final = "directcall_sound_"
_PURPOSE: Final = b"directcall sound 1"
_OTHERWISE: Final = "the same audio may be uploaded again"


class SoundMemory:
    """Remembers the sound of one content in one account, for all tasks of all DAGs.

    :param settings: of the connection; an account is its base URL and its client id.
    :param sha256: of the content, in hex digits.
    """

    def __init__(self, settings: Settings, sha256: str) -> None:
        key = hmac.digest(settings.client_secret.encode(), _PURPOSE, hashlib.sha256)
        subject = f"{settings.base_url}\n{settings.client_id}\n{sha256}"
        self._shared = SharedMemory(VARIABLE_PREFIX, subject, key)

    @property
    def variable(self) -> str:
        """Name of the Variable; who deletes it has the audio uploaded again."""
        return self._shared.variable

    def read(self) -> int | None:
        """Id of the sound, or None when none is known."""
        value = self._shared.read(_OTHERWISE)
        sound_id = value.get("sound_id") if isinstance(value, Mapping) else None
        return sound_id if isinstance(sound_id, int) else None

    def write(self, sound_id: int, name: str) -> None:
        """Remember the sound.

        :param name: what people call it.
        """
        about = f"The sound {name!r} at Directcall; delete this to have it uploaded again"
        self._shared.write({"sound_id": sound_id}, description=about, otherwise=_OTHERWISE)
