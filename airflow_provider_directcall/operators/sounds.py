"""The operator that stores an audio for use in the rules of numbers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator

from airflow_provider_directcall.errors import DirectcallRefused
from airflow_provider_directcall.tasks.failing import failing_without_retry

if TYPE_CHECKING:
    import os

    from airflow.sdk import Context

    from airflow_provider_directcall.hooks.directcall import DirectcallHook

#: Digits of the audio's hash in its name, and of the key under which an upload is remembered.
_NAME_DIGITS: Final = 12
_KEY_DIGITS: Final = 16
_PURPOSE: Final = b"directcall sound 1"
_WAV: Final = (b"RIFF", b"WAVE")


class DirectcallAddSoundOperator(BaseOperator):
    """Store an MP3 or WAV of up to 1 MB for ``sound`` rules, once for each content (``/did/add-sound``).

    Directcall documents no list of sounds. So what was uploaded is known from this task's own XComs, those of earlier
    runs included: the same content under the same name is not uploaded again. A sound that was removed in Directcall's
    panel is not missed; another ``name`` uploads it anew.

    A retry after an unknown outcome uploads again: at worst a copy that nobody uses is left at Directcall.

    :param audio: a local path, an ``ObjectStoragePath``, or a URI such as ``s3://bucket/greeting.mp3``. Read when the
        task runs.
    :param name: what people call it (``nome``). The first 12 hex digits of the content's SHA-256 are put behind it.
    :param directcall_conn_id: id of the connection.

    Gives ``{"sound_id", "sha256", "uploaded"}``; ``sound_id`` is what a ``sound`` rule takes.
    """

    template_fields: Sequence[str] = ("audio", "name", "directcall_conn_id")
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        audio: str | os.PathLike[str],
        name: str,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.audio = audio
        self.name = name
        self.directcall_conn_id = directcall_conn_id

    def execute(self, context: Context) -> dict[str, object]:
        """Upload the audio, unless this task did so before."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.operators.audio import read_audio

        with failing_without_retry(_is_final), DirectcallHook(self.directcall_conn_id) as hook:
            content, _ = read_audio(self.audio)
            sha256 = hashlib.sha256(content).hexdigest()
            name = f"{self.name}-{sha256[:_NAME_DIGITS]}"
            key = _key(hook, name, sha256)
            ti = context["ti"]
            known = ti.xcom_pull(task_ids=ti.task_id, key=key, include_prior_dates=True, map_indexes=ti.map_index)
            uploaded = not isinstance(known, Mapping)
            if uploaded:
                sound = hook.add_sound(name, content, content_type=_content_type(content))
                known = {"sound_id": sound.sound_id, "sha256": sha256}
        # Of a run that uploaded nothing too: older runs are removed from Airflow's database some day.
        ti.xcom_push(key=key, value=dict(known))
        self.log.info("Sound %s %s.", known["sound_id"], "was uploaded" if uploaded else "is there already")
        return {**known, "uploaded": uploaded}


def _key(hook: DirectcallHook, name: str, sha256: str) -> str:
    """XCom key of a content under a name in an account: whatever run it is found in, it is the right one."""
    settings = hook.settings
    key = hmac.digest(settings.client_secret.encode(), _PURPOSE, hashlib.sha256)
    text = f"{settings.base_url}\n{settings.client_id}\n{name}\n{sha256}"
    return f"sound_{hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:_KEY_DIGITS]}"


def _content_type(content: bytes) -> str:
    return "audio/wav" if (content[:4], content[8:12]) == _WAV else "audio/mpeg"


def _is_final(error: BaseException) -> bool:
    """Whether another upload is useless."""
    if isinstance(error, DirectcallRefused):
        return not error.worth_repeating
    return isinstance(error, (ValueError, FileNotFoundError))
