"""Where recordings may come from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.api.replies import StatementRow
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.runtime.recordings import RecordingArchive, RecordingError

WAV = b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 100
LINK = "http://www.directdial.com.br/extrato/gravacao/id/1"


@pytest.fixture
def add(tmp_path: Path) -> Callable[..., int | None]:
    def added(answer: Callable[[httpx.Request], httpx.Response], link: str = LINK) -> int | None:
        fields = {"origem": "1", "destino": "2", "inicio": "2026-11-27 10:00:00", "gravacao_link": link}
        row = StatementRow.from_fields(fields, ZoneInfo("America/Sao_Paulo"))
        assert isinstance(row.started_at, datetime)
        with httpx.Client(transport=httpx.MockTransport(answer)) as http:
            archive = RecordingArchive(
                folder=LocalFolder(tmp_path),
                http=http,
                clock=current_clock(),
                secret="a-fictitious-secret",
                hosts=("directdial.com.br",),
                most_megabytes=1,
            )
            return archive.add(row)

    return added


def to(place: str) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.url.host or "").endswith("directdial.com.br"), "another host was asked"
        if request.url.path.startswith("/extrato"):
            return httpx.Response(302, headers={"Location": place})
        return httpx.Response(200, content=WAV)

    return answer


def test_a_redirect_within_the_allowed_hosts_is_followed(add: Callable[..., int | None]) -> None:
    assert add(to("https://dcweb.directdial.com.br/audio")) == len(WAV)
    assert add(to("/audio"), f"{LINK}2") == len(WAV)


@pytest.mark.parametrize(
    "place",
    [
        "http://169.254.169.254/latest",
        "https://directdial.com.br.example.com/audio",
        "https://notdirectdial.com.br/audio",
        "http://user@example.com/audio",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_elsewhere_is_refused(add: Callable[..., int | None], place: str) -> None:
    with pytest.raises(RecordingError, match="allowed_hosts") as raised:
        add(to(place))
    assert place not in str(raised.value)


def test_endless_redirects_end(add: Callable[..., int | None]) -> None:
    with pytest.raises(RecordingError, match="redirects"):
        add(to(LINK))


def test_a_missing_recording_is_named_by_its_status(add: Callable[..., int | None]) -> None:
    with pytest.raises(RecordingError, match="404"):
        add(lambda request: httpx.Response(404))
