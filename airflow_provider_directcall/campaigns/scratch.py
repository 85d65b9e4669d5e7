"""Private folders of this machine for copies of contacts.

A killed process leaves its folder; the next use on the machine removes it. A lock, which ends with its process however
that ends, shows which folders are in use.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_PREFIX: Final = "directcall-campaign-"
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def private_scratch() -> Iterator[Path]:
    """Make an empty folder that only this user can read, and remove it at the end.

    :raises OSError: it cannot be made.
    """
    remove_abandoned()
    path, lock = _locked_folder()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def remove_abandoned() -> None:
    """Remove the folders whose process has ended, as far as they are this user's."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, in use, or removed meanwhile
            lock = os.open(path, _FOLDER)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path)
            finally:
                os.close(lock)


def _locked_folder() -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError):  # another process has taken it for an abandoned one, and removed it
            lock = os.open(path, _FOLDER)
            with suppress(OSError):  # a file system without locks: there, no folder counts as abandoned
                fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return path, lock
            os.close(lock)
