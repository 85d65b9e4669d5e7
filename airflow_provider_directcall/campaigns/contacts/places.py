"""Paths, URIs and patterns -> files."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from airflow_provider_directcall.campaigns.contacts.readable import Readable
from airflow_provider_directcall.campaigns.errors import ContactsError
from airflow_provider_directcall.campaigns.storage import Folder, LocalFolder, ObjectFolder, ObjectPath

_LOCAL: Final = "file://"
_PATTERN: Final = frozenset("*?[")


class StoredFile(ObjectPath, Readable, Protocol):
    """A path in an object store: Airflow's ``ObjectStoragePath``, or a ``UPath``."""

    def exists(self) -> bool:
        """Whether there is such a file."""
        ...

    def glob(self, pattern: str) -> Iterable[StoredFile]:
        """Return the files below this folder that match."""
        ...


Remote = Callable[[str], StoredFile]


def folder_at(place: str, remote: Remote) -> Folder:
    """Return the folder of a path or a URI; a local one is made.

    :param remote: makes a path of a URI.
    :raises OSError: it cannot be made.
    """
    local = _local(place)
    return LocalFolder(local.absolute()) if local is not None else ObjectFolder(remote(place))


def files_at(places: Sequence[str], remote: Remote, *, argument: str = "contacts") -> list[Readable]:
    """Return the files of paths, URIs and patterns such as ``/data/*.csv``; those of a pattern by their names.

    :raises ContactsError: there are none, or a pattern matches none.
    """
    files = [file for place in places for file in _matching(place, remote, argument)]
    if not files:
        raise ContactsError(f"{argument}: a path, a URI or a list of them is needed")
    return files


def _matching(place: str, remote: Remote, argument: str) -> Iterator[Readable]:
    local = _local(place)
    path = remote(place) if local is None else local
    # A file may have such characters in its name.
    if not _PATTERN & set(place) or path.exists():
        yield path
        return
    if local is not None:
        found = [Path(name) for name in sorted(glob.glob(str(local), recursive=True))]  # noqa: PTH207 - it takes absolute patterns
        files: Sequence[Path | StoredFile] = [each for each in found if each.is_file()]
    else:
        files = sorted(_remote_matches(place, remote), key=str)
    if not files:
        raise ContactsError(f"{argument}: no file matches {place}")
    yield from files


def _remote_matches(place: str, remote: Remote) -> Iterable[StoredFile]:
    parts = place.split("/")
    first = next(number for number, part in enumerate(parts) if _PATTERN & set(part))
    return remote("/".join(parts[:first])).glob("/".join(parts[first:]))


def _local(place: str) -> Path | None:
    if place.startswith(_LOCAL):
        return Path(place.removeprefix(_LOCAL))
    return None if "://" in place else Path(place).expanduser()
