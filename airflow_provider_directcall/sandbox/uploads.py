"""Audio files in requests: their size and what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.requests import invalid

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.requests import ApiRequest, Upload


def is_mp3(content: bytes) -> bool:
    """Whether a file begins as an MP3: with an ID3 tag or a frame."""
    return content.startswith(b"ID3") or (len(content) > 1 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0)


def is_wav(content: bytes) -> bool:
    """Whether a file begins as a WAV."""
    return content[:4] == b"RIFF" and content[8:12] == b"WAVE"


_TESTS: Final = {"mp3": is_mp3, "wav": is_wav}


def checked_upload(request: ApiRequest, name: str, most_bytes: int, kinds: tuple[str, ...]) -> Upload:
    """The file of a request, refused with 001 when it is missing, too large or of another kind."""
    upload = request.files.get(name)
    if upload is None or not 0 < len(upload.content) <= most_bytes:
        raise invalid(name)
    if not any(_TESTS[kind](upload.content) for kind in kinds):
        raise invalid(name)
    return upload
