"""An archive of recordings: one file each, with its checksum beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from airflow_provider_directcall.api.digests import keyed_digest
from airflow_provider_directcall.api.methods.arguments import MEGABYTE, audio_format
from airflow_provider_directcall.statement.calls import Call
from airflow_provider_directcall.statement.incoming import call_id

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.campaigns.storage import Folder

#: Hosts of recordings that were seen in public code, and the vendor's own; their subdomains count.
DEFAULT_HOSTS: Final = ("directdial.com.br", "directcallsoft.com", "directcall.com.br")
_MOST_REDIRECTS: Final = 5
_ATTEMPTS: Final = 3
_SECONDS: Final = 600.0
_LINK_DIGITS: Final = 8
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
#: Beginnings of pages and replies, which are no audio.
_TEXTS: Final = (b"<", b"{", b"[")
#: Audio of an unknown format has a zero among its first bytes; a text in place of it has none.
_BEGINNING: Final = 4096


class RecordingError(Exception):
    """A recording cannot be archived. The text holds no link: whoever has it can listen."""


@dataclass(frozen=True)
class RecordingArchive:
    """Copies recordings into a folder.

    A recording is complete when the file with its checksum is there, which is written last: a killed task goes on where
    it was, and an archived recording is not fetched again.

    :param secret: the connection's client secret, for names.
    :param hosts: from which recordings may be fetched, and their subdomains.
    :param most_megabytes: of one recording, which is in memory while it is copied.
    """

    folder: Folder
    http: httpx.Client = field(repr=False)
    clock: Clock
    secret: str = field(repr=False)
    hosts: Collection[str]
    most_megabytes: int
    _complete: dict[str, set[str]] = field(default_factory=dict, repr=False)
    """Folder of a day -> its recordings that are complete, listed once."""

    def add(self, row: StatementRow) -> int | None:
        """Archive the recording of a row; return its bytes, or None for one that is there already.

        :raises RecordingError: it cannot be fetched, or is no audio.
        """
        url = row.recording_url
        if url is None:
            raise RecordingError("the row has no link")
        stem = self._stem(row, url)
        complete = self._complete_on(stem.rpartition("/")[0])
        if stem in complete:
            return None
        content = self._fetch(url)
        suffix = (audio_format(content) or "bin").lower()
        self.folder.write(f"{stem}.{suffix}", content)
        about = {
            "file": f"{stem.rpartition('/')[2]}.{suffix}",
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "callerid": row.callerid,
            "started_at": row.started_at.isoformat() if row.started_at else None,
            "duration_seconds": row.duration_seconds,
        }
        self.folder.write(f"{stem}.json", json.dumps(about, indent=1).encode())
        complete.add(stem)
        return len(content)

    def _complete_on(self, day: str) -> set[str]:
        if day not in self._complete:
            names = self.folder.names(f"{day}/")
            self._complete[day] = {name.removesuffix(".json") for name in names if name.endswith(".json")}
        return self._complete[day]

    def _stem(self, row: StatementRow, url: str) -> str:
        """Return the path without its suffix: the day, the call, and a digest of the link, as a call may have two."""
        day = row.started_at.strftime("%Y/%m/%d") if row.started_at else "undated"
        link = keyed_digest(self.secret, "directcall recording 1", url)[:_LINK_DIGITS]
        name = call_id(Call(row, (row,)), self.secret)
        return f"{day}/{''.join(each if each.isalnum() or each in '-_' else '_' for each in name)}-{link}"

    def _fetch(self, url: str) -> bytes:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._fetched(url)
            except httpx.TransportError as error:
                if attempt == _ATTEMPTS:
                    raise RecordingError(type(error).__name__) from None
                self.clock.sleep(2.0**attempt)
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                # A link that is no address, or a body in another encoding than its header says.
                raise RecordingError(type(error).__name__) from None
        raise AssertionError

    def _fetched(self, url: str) -> bytes:
        """Fetch over redirects, each to an allowed host."""
        for _ in range(_MOST_REDIRECTS + 1):
            self._check_host(url)
            with self.http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
                if response.next_request is not None:
                    url = str(response.next_request.url)
                    continue
                if response.status_code != httpx.codes.OK:
                    raise RecordingError(f"HTTP status {response.status_code}")
                if response.headers.get("Content-Type", "").strip().lower().startswith("text/"):
                    raise RecordingError("a text in place of the audio")
                return self._read(response)
        raise RecordingError("too many redirects")

    def _check_host(self, url: str) -> None:
        parts = urlsplit(url)
        _ = parts.port  # a port that is none is a ValueError; a socket raises others
        host = (parts.hostname or "").lower()
        if parts.scheme not in {"http", "https"} or not any(
            host == allowed or host.endswith(f".{allowed}") for allowed in self.hosts
        ):
            raise RecordingError("its host is not in allowed_hosts")

    def _read(self, response: httpx.Response) -> bytes:
        until, content = self.clock.monotonic() + _SECONDS, bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > self.most_megabytes * MEGABYTE:
                raise RecordingError(f"more than {self.most_megabytes} MB (max_megabytes)")
            if self.clock.monotonic() > until:
                raise RecordingError(f"it took more than {_SECONDS:.0f} s")
        if not content:
            raise RecordingError("it is empty")
        if _is_text(content):
            raise RecordingError("a page, a reply or a text in place of the audio")
        return bytes(content)


def _is_text(content: bytearray) -> bool:
    if content.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(_TEXTS):
        return True
    return audio_format(bytes(content[:12])) is None and b"\0" not in content[:_BEGINNING]
