"""Form bodies and query strings as PHP reads them.

PHP keeps no list of repeated names: the last plain name wins, ``name[key]`` builds an array and ``name[]`` appends to
one. This follows PHP's rules and shares no code with the client.
"""

from __future__ import annotations

import re
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

PhpValue: TypeAlias = "str | PhpArray"
PhpArray: TypeAlias = dict[str, PhpValue]
"""A PHP array with its keys as text: ``a[]=x&a[]=y`` is ``{"a": {"0": "x", "1": "y"}}``."""

_FORBIDDEN_IN_NAMES = str.maketrans({" ": "_", ".": "_"})
_FORBIDDEN_AFTER_BROKEN_BRACKET = str.maketrans({" ": "_", ".": "_", "[": "_"})
_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]*")


def parse_urlencoded(body: bytes) -> PhpArray:
    """Read an ``application/x-www-form-urlencoded`` body or a query string into nested arrays.

    Bytes that are not UTF-8 become U+FFFD. Fields without a name are dropped, as PHP drops them.
    """
    fields: PhpArray = {}
    for pair in body.split(b"&"):
        name, _, value = pair.partition(b"=")
        register(fields, _decode(name), _decode(value))
    return fields


def register(fields: PhpArray, name: str, value: PhpValue) -> None:
    """Store one decoded field under its PHP name, with the arrays of its brackets."""
    path = split_name(name)
    if not path:
        return
    target = fields
    for key in path[:-1]:
        place = _place(target, key)
        child = target.get(place)
        if not isinstance(child, dict):
            child = {}
            target[place] = child
        target = child
    target[_place(target, path[-1])] = value


def text_at(fields: PhpArray, name: str) -> str | None:
    """Return the text of one field by its PHP name (``campos[contact]``); None when it is missing or an array."""
    value: PhpValue | None = fields
    for key in split_name(name):
        value = value.get(key or "") if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def split_name(name: str) -> list[str | None]:
    """Split ``a.b[c][]`` into ``["a_b", "c", None]``; None means "append". Empty when PHP ignores the name."""
    name = name.partition("\0")[0].lstrip(" ")
    base, bracket, rest = name.partition("[")
    if not base:
        return []
    path: list[str | None] = [base.translate(_FORBIDDEN_IN_NAMES)]
    while bracket:
        key, closing, after = rest.partition("]")
        if not closing:
            return _unclosed(path, rest)
        path.append(None if not key or (len(key) == 1 and key.isspace()) else key)
        bracket = "[" if after.startswith("[") else ""
        rest = after[1:]
    return path


def _unclosed(path: list[str | None], rest: str) -> list[str | None]:
    # PHP turns a first opening bracket without its partner into "_", and forgets a later one.
    if len(path) > 1:
        return path
    return [f"{path[0]}_{rest.translate(_FORBIDDEN_AFTER_BROKEN_BRACKET)}"]


def _place(target: PhpArray, key: str | None) -> str:
    if key is not None:
        return key
    numbers = [int(known) for known in target if _WHOLE_NUMBER.fullmatch(known)]
    return str(max(numbers, default=-1) + 1)


def _decode(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8", errors="replace")
