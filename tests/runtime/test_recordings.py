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


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        ("Gravação não encontrada".encode(), {"Content-Type": "audio/wav"}),
        (b"Gravacao nao encontrada", {}),
        (b"\xef\xbb\xbf\r\n<html>\0</html>", {"Content-Type": "audio/wav"}),
        (b"\0" * 100, {"Content-Type": "Text/Plain; charset=utf-8"}),
    ],
)
def test_a_text_is_no_recording_and_is_asked_for_again(
    add: Callable[..., int | None], content: bytes, headers: dict[str, str]
) -> None:
    with pytest.raises(RecordingError, match="in place of the audio"):
        add(lambda request: httpx.Response(200, content=content, headers=headers))
    assert add(lambda request: httpx.Response(200, content=WAV)) == len(WAV)


def test_audio_of_an_unknown_format_is_archived(add: Callable[..., int | None], tmp_path: Path) -> None:
    content = b"OggS\0\2" + b"\1" * 100
    assert add(lambda request: httpx.Response(200, content=content)) == len(content)
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".json"] == [".bin"]


@pytest.mark.parametrize(
    "link",
    [
        "http://[directdial.com.br/1",
        "http://www.directdial.com.br:port/1",
        "http://www.directdial.com.br:99999/1",
        "http://www.directdial.com.br/\x7f",
    ],
)
def test_a_link_that_is_no_address_is_a_failure_of_its_recording(add: Callable[..., int | None], link: str) -> None:
    with pytest.raises(RecordingError) as raised:
        add(to("/audio"), link)
    assert "directdial" not in str(raised.value)


def test_a_body_in_another_encoding_is_a_failure_of_its_recording(add: Callable[..., int | None]) -> None:
    def packed(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))

    with pytest.raises(RecordingError, match="DecodingError"):
        add(packed)
