"""The form of a text file that somebody's spreadsheet wrote: its encoding and its separator."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from airflow_provider_directcall.campaigns.errors import ContactsError

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK: Final = 1 << 20
_SEPARATORS: Final = ";,\t|"
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: What Brazilian spreadsheets write that is no UTF-8. Every byte but five is a character, so nothing is lost silently.
_WINDOWS: Final = "cp1252"


@dataclass(frozen=True, slots=True)
class TextForm:
    """How a file was read.

    :ivar encoding: ``utf-8``, ``utf-16`` or ``cp1252``.
    :ivar separator: of a CSV file's columns.
    :ivar digest: of the file's bytes.
    """

    encoding: str
    separator: str
    digest: str

    @property
    def description(self) -> str:
        """Such as "cp1252, separated by ;", for the summary."""
        names = {"\t": "tabs"}
        return f"{self.encoding}, separated by {names.get(self.separator, self.separator)}"


def copy_as_utf8(source: IO[bytes], target: Path) -> TextForm:
    """Copy a text file as UTF-8 with line feeds at the ends of its lines, and find out its form.

    :param source: seekable.
    :param target: a new file of the caller's private directory.
    :raises ContactsError: it is empty, no text, or neither UTF-8 nor cp1252.
    """
    for encoding in _candidates(source):
        source.seek(0)
        digest = hashlib.blake2b(digest_size=16)
        try:
            header = _transcode(_blocks(source, digest), encoding, target)
        except UnicodeDecodeError:
            continue
        return TextForm(encoding.removesuffix("-sig"), _separator(header), digest.hexdigest())
    raise ContactsError("the file is neither UTF-8 nor cp1252 text")


def _candidates(source: IO[bytes]) -> tuple[str, ...]:
    begin = source.read(4096)
    if not begin.strip():
        raise ContactsError("the file is empty")
    if begin.startswith(_UTF16):
        return ("utf-16",)
    if b"\0" in begin:
        raise ContactsError("the file is no text: it holds zero bytes")
    return ("utf-8-sig", _WINDOWS)


def _blocks(source: IO[bytes], digest: hashlib.blake2b) -> Iterator[bytes]:
    while block := source.read(_BLOCK):
        digest.update(block)
        yield block
    yield b""


def _transcode(blocks: Iterator[bytes], encoding: str, target: Path) -> str:
    """Write the text and return its first line."""
    decoder = codecs.getincrementaldecoder(encoding)()
    header = ""
    # newline=None would also translate \r alone, but only when reading.
    newlines = _LineEnds()
    with target.open("w", encoding="utf-8", newline="") as copy:
        for block in blocks:
            text = newlines.normalized(decoder.decode(block, final=not block), final=not block)
            if "\n" not in header:
                header += text
            copy.write(text)
    return header.partition("\n")[0]


class _LineEnds:
    """Translates all line ends to line feeds, also where a block ends between the two characters of one."""

    def __init__(self) -> None:
        self._held = ""

    def normalized(self, text: str, *, final: bool) -> str:
        text = self._held + text
        self._held = "\r" if text.endswith("\r") and not final else ""
        return text.removesuffix(self._held).replace("\r\n", "\n").replace("\r", "\n")


def _separator(header: str) -> str:
    """Return the separator that the header has most often outside quotes; a comma for a single column."""
    unquoted = "".join(header.split('"')[::2])
    return max(_SEPARATORS, key=unquoted.count) if any(each in unquoted for each in _SEPARATORS) else ","
