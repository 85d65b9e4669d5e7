"""Shared validation of arguments; a ValueError names the argument, the rule and the masked value."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from airflow_provider_directcall.api.requests import DefaultOrigin, LocalTime, Value, other_than
from airflow_provider_directcall.telephony.masking import mask_number, mask_numbers_in
from airflow_provider_directcall.telephony.numbers import SENDERS, NumberKind, parse_number
from airflow_provider_directcall.telephony.spreadsheets import spreadsheet_form

#: Longest text in characters (documented).
MAX_TEXT_LENGTH: Final = 700
#: Destinations in one field (documented as advice; more need a CSV file).
MAX_DESTINATIONS: Final = 10
MEGABYTE: Final = 1024 * 1024
_LONGEST_NUMBER: Final = 13

#: Characters that a tag's name cannot hold: PHP's brackets, and those that multipart field names have to escape.
_NOT_IN_TAG_NAMES: Final = frozenset('[]"\\')
#: Requests the tags of each statement row; as a user's tag it would be ambiguous. The vendor's page writes it with
#: quotes.
SEARCH_TAG: Final = "search"
_SEARCH_TAGS: Final = frozenset({SEARCH_TAG, f"'{SEARCH_TAG}'"})
_NOT_IN_FILE_NAMES: Final = frozenset('"\\/')
#: Versions of an ID3 tag.
_ID3_VERSIONS: Final = frozenset({2, 3, 4})
#: Second byte of a frame of MPEG layer III, version 1, 2 or 2.5, with or without a checksum; the first is 0xFF.
_LAYER_III: Final = frozenset(b"\xfa\xfb\xf2\xf3\xe2\xe3")


def boolean(value: bool) -> str:
    """Format a boolean as the vendor's ``s`` or ``n``."""
    return "s" if value else "n"


def origin_value(origin: str | None, allow: frozenset[NumberKind], *, destination: str | None = None) -> Value:
    """Return the digits of an origin, or the account's default origin for None.

    :param destination: digits of the other party of a call, which has to differ.
    """
    if origin is None:
        return DefaultOrigin(allow, destination)
    return other_than(destination, parse_number(origin, argument="origin", allow=allow).digits)


def sender_value(origin: str | None) -> Value:
    """Return the sender of an SMS: a number, or a word such as a system's name (the vendor accepts any word)."""
    if isinstance(origin, str) and any(char.isalpha() for char in origin) and not spreadsheet_form(origin):
        _reject_control_characters("origin", origin)
        return origin
    return origin_value(origin, SENDERS)


def numbers(destinations: str | Sequence[str], allow: frozenset[NumberKind], *, limit: int | None) -> tuple[str, ...]:
    """Return the digits of one or several different numbers.

    :param limit: their largest number, or None.
    :raises ValueError: there are none, too many, an invalid one (its position is named), or a duplicate.
    """
    # Jinja's native rendering turns a number into an int.
    is_list = isinstance(destinations, Iterable) and not isinstance(destinations, (str, bytes))
    given = list(destinations) if is_list else [destinations]
    if not given:
        raise ValueError("destination: at least one number is needed")
    if limit is not None and len(given) > limit:
        raise ValueError(f"destination: at most {limit} numbers in one request, not {len(given)}; use as_csv=True")
    names = ["destination"] if len(given) == 1 else [f"destination[{index}]" for index in range(len(given))]
    parsed = [
        parse_number(number, argument=name, allow=allow).digits for name, number in zip(names, given, strict=True)
    ]
    _reject_duplicates(parsed)
    return tuple(parsed)


def _reject_duplicates(parsed: Sequence[str]) -> None:
    unique: set[str] = set()
    for digits in parsed:
        if digits in unique:
            raise ValueError(f"destination: {mask_number(digits)} appears twice and would get the message twice")
        unique.add(digits)


def tag_params(tags: Mapping[str, str] | None) -> dict[str, Value]:
    """Format tags as PHP-bracket parameters ``campos[name]=value``.

    :raises ValueError: a name is empty, is ``search`` or holds ``[``, ``]``, ``"``, a backslash or a control
        character; a value is no text or holds a NUL character.
    """
    if tags is not None and not isinstance(tags, Mapping):
        raise ValueError(f"tags: texts by name are needed, not {type(tags).__name__}")
    return {f"campos[{_tag_name(name)}]": _tag_value(name, value) for name, value in (tags or {}).items()}


def _tag_name(name: str) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ValueError("tags: a name has to be a text that is not empty")
    wrong = sorted(_NOT_IN_TAG_NAMES & set(name))
    if wrong:
        raise ValueError(f"tags: a name cannot hold {' '.join(wrong)}")
    if name in _SEARCH_TAGS:
        raise ValueError("tags: the name 'search' is reserved in the statement")
    _reject_control_characters("tags: a name", name)
    return name


def _tag_value(name: str, value: str) -> str:
    return plain_text(f"tags: the value of {mask_numbers_in(name)!r}", value)


def plain_text(name: str, text: str) -> str:
    """Return a text that can be sent unchanged; reject other types, NUL characters and lone surrogates."""
    if not isinstance(text, str):
        raise ValueError(f"{name}: a text is needed, not {type(text).__name__}")
    if "\0" in text:
        raise ValueError(f"{name} holds a NUL character")
    _reject_surrogates(name, text)
    return text


def one_line(name: str, text: str) -> str:
    """Return a text; reject an empty one and control characters, line ends included."""
    if not plain_text(name, text).strip():
        raise ValueError(f"{name}: it is empty")
    _reject_control_characters(name, text)
    return text


def checked_text(text: str, *, name: str = "text", prefix: Value = "") -> str:
    """Return a valid text of a message.

    :param name: its name in errors.
    :param prefix: text that the vendor puts in front of it; it counts. A default origin counts as 13 characters.
    :raises ValueError: empty, above 700 characters in all, or with characters that cannot be encoded.
    """
    if not plain_text(name, text).strip():
        raise ValueError(f"{name}: it is empty")
    length = len(text) + (len(prefix) if isinstance(prefix, str) else _LONGEST_NUMBER)
    if length > MAX_TEXT_LENGTH:
        raise ValueError(f"{name}: {MAX_TEXT_LENGTH} characters at most, not {length}")
    return text


def audio_format(content: bytes) -> str | None:
    """Return ``MP3`` or ``WAV`` by the first 12 bytes; None for anything else."""
    if content.startswith(b"RIFF") and content[8:12] == b"WAVE":
        return "WAV"
    begins_with_tag = content.startswith(b"ID3") and len(content) > 3 and content[3] in _ID3_VERSIONS
    begins_with_frame = content.startswith(b"\xff") and len(content) > 1 and content[1] in _LAYER_III
    return "MP3" if begins_with_tag or begins_with_frame else None


def checked_audio(content: bytes, *, megabytes: int, formats: Collection[str]) -> bytes:
    """Return the bytes of a valid audio file.

    :param megabytes: its largest size.
    :param formats: formats that the vendor accepts: ``MP3``, ``WAV``.
    :raises ValueError: empty, too large, or not of such a format by its first bytes.
    """
    if not isinstance(content, bytes):
        raise ValueError(f"audio: the file's bytes are needed, not {type(content).__name__}")
    if not content:
        raise ValueError("audio: the file is empty")
    if len(content) > megabytes * MEGABYTE:
        raise ValueError(f"audio: {megabytes} MB at most, not {len(content) / MEGABYTE:.1f} MB")
    found = audio_format(content)
    if found not in formats:
        raise ValueError(f"audio: {' or '.join(formats)} is needed, this is {found or 'neither MP3 nor WAV'}")
    return content


def aware(name: str, moment: datetime) -> datetime:
    """Return the moment; reject a naive one."""
    if not isinstance(moment, datetime):
        raise ValueError(f"{name}: a datetime with a time zone is needed, not {type(moment).__name__}")
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(f"{name}: a datetime with a time zone is needed, not a naive one")
    return moment


def local_time(name: str, moment: datetime, pattern: str) -> LocalTime:
    """Return a moment as a parameter in the account's zone."""
    return LocalTime(aware(name, moment), pattern)


def window(since: datetime, until: datetime, pattern: str) -> tuple[LocalTime, LocalTime]:
    """Return a window, both ends included, as parameters in the account's zone."""
    if aware("until", until) < aware("since", since):
        raise ValueError("until: it is before since")
    return LocalTime(since, pattern), LocalTime(until, pattern)


def identifier(name: str, value: str | int) -> str:
    """Return an id as a text; reject an empty one, blanks and control characters."""
    text = str(value).strip()
    if not text or any(char.isspace() for char in text):
        raise ValueError(f"{name}: an id without blanks is needed")
    _reject_control_characters(name, text)
    return text


def file_name(name: str, value: str) -> str:
    """Return a file's name; reject characters that multipart has to escape."""
    wrong = sorted(_NOT_IN_FILE_NAMES & set(one_line(name, value)))
    if wrong:
        raise ValueError(f"{name}: a file name cannot hold {' '.join(wrong)}")
    return value


def _reject_control_characters(name: str, text: str) -> None:
    if any(unicodedata.category(char) == "Cc" for char in text):
        raise ValueError(f"{name} cannot hold control characters")
    _reject_surrogates(name, text)


def _reject_surrogates(name: str, text: str) -> None:
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError(f"{name} holds a lone surrogate (half of a character)")
