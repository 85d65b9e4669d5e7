"""Operator that uploads a sound for the rules of numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator

from airflow_provider_directcall.runtime.failures import failing_without_retry, is_final_before_effect

if TYPE_CHECKING:
    import os

    from airflow.sdk import Context

    from airflow_provider_directcall.hooks.directcall import DirectcallHook

#: Digits of the audio's hash in its name.
_NAME_DIGITS: Final = 12
_CONTENT_TYPES: Final = {b"RIFF": "audio/wav"}


class DirectcallAddSoundOperator(BaseOperator):
    """Upload an MP3 or WAV of up to 1 MB for ``sound`` rules, once for each content (``/did/add-sound``).

    Directcall documents no list of sounds. So an Airflow Variable for each content and account holds the id: no task of
    any DAG uploads the same content again, under whatever name. The operator does not notice that a sound was removed
    in Directcall's panel; delete the Variable, which the log names, to upload it again.

    A retry after an unknown outcome uploads again: at worst an unused copy is left at Directcall.

    :param audio: a local path, an ``ObjectStoragePath``, or a URI such as ``s3://bucket/greeting.mp3``. Read when the
        task runs, from the places that ``[directcall] audio_sources`` allows.
    :param name: its name at Directcall (``nome``); the first 12 hex digits of the content's SHA-256 are appended.
    :param directcall_conn_id: id of the connection.
    :param multiple_outputs: push each part of the result as an XCom of its own too.

    Returns ``{"sound_id", "sha256", "uploaded"}``; ``sound`` rules take the ``sound_id``. Each is an XCom of its own
    too: ``greeting.output["sound_id"]``.
    """

    template_fields: Sequence[str] = ("audio", "name", "directcall_conn_id")
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        audio: str | os.PathLike[str],
        name: str,
        directcall_conn_id: str = "directcall_default",
        multiple_outputs: bool = True,
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs, **kwargs)
        self.audio = audio
        self._written_audio = audio
        self.name = name
        self.directcall_conn_id = directcall_conn_id

    def execute(self, context: Context) -> dict[str, object]:
        """Upload the audio, unless a task did so before."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.runtime.audio import is_literal, read_audio
        from airflow_provider_directcall.runtime.variables import sound_variable

        with failing_without_retry(_is_final), DirectcallHook(self.directcall_conn_id) as hook:
            content, _ = read_audio(self.audio, literal=is_literal(self, "audio", self._written_audio))
            sha256 = hashlib.sha256(content).hexdigest()
            stored = sound_variable(hook.settings, sha256, self.name)
            known = stored.read()
            sound_id = known if known is not None else self._upload(hook, content, sha256)
        if known is None:
            stored.write(sound_id)
        done = "was uploaded" if known is None else "was uploaded before"
        self.log.info("Sound %d %s; see the Variable %s.", sound_id, done, stored.name)
        return {"sound_id": sound_id, "sha256": sha256, "uploaded": known is None}

    def _upload(self, hook: DirectcallHook, content: bytes, sha256: str) -> int:
        name = f"{self.name}-{sha256[:_NAME_DIGITS]}"
        return hook.add_sound(name, content, content_type=_CONTENT_TYPES.get(content[:4], "audio/mpeg")).sound_id


def _is_final(error: BaseException) -> bool:
    return is_final_before_effect(error) or isinstance(error, FileNotFoundError)
