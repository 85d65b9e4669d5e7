"""The audio of a recorded call: one second of a tone, generated on request."""

from __future__ import annotations

import io
import math
import wave
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response

from airflow_provider_directcall.sandbox.statement_rows import recorded_row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from airflow_provider_directcall.sandbox.account import Account

SAMPLE_RATE: Final = 8000
TONE_HERTZ: Final = 425
"""The Brazilian dial tone."""


def tone(seconds: float = 1.0) -> bytes:
    """Generate a WAV file, 8 bits, mono."""
    samples = bytes(
        int(127 + 100 * math.sin(2 * math.pi * TONE_HERTZ * index / SAMPLE_RATE))
        for index in range(int(seconds * SAMPLE_RATE))
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(1)
        audio.setframerate(SAMPLE_RATE)
        audio.writeframes(samples)
    return file.getvalue()


def serve_recording(account: Account) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of ``GET /recordings/<40 hex>``: the audio of a recorded call, 404 without one."""

    async def respond(request: Request) -> Response:
        with account.lock:
            row = recorded_row(account, request.path_params["recording_id"])
        if row is None:
            return PlainTextResponse("no such recording\n", status_code=404)
        return Response(tone(), media_type="audio/wav")

    return respond
