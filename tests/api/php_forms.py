"""How PHP fills ``$_GET``, ``$_POST`` and ``$_FILES``, written from PHP's rules (main/php_variables.c, main/rfc1867.c).

Shares nothing with the client or the sandbox. Works on bytes up to the last step, as PHP does; arrays are dicts whose
keys are texts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import httpx

PhpArray = dict[bytes, "bytes | PhpArray"]
TextArray = dict[str, "str | TextArray"]

_HEX = b"0123456789abcdefABCDEF"
_SPACE = b" \t\n\v\f\r"


@dataclass
class PhpRequest:
    """A request as a PHP script sees it."""

    fields: TextArray = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    json: object = None


def php_request(request: httpx.Request) -> PhpRequest:
    """Parse a request as PHP does; ``fields`` is ``$_GET`` for GET, else ``$_POST``."""
    if request.method == "GET":
        return PhpRequest(_texts(_parse_pairs(request.url.query)))
    body, content_type = request.read(), request.headers.get("content-type", "").encode()
    kind = content_type.split(b";")[0].strip().lower()
    if kind == b"application/x-www-form-urlencoded":
        return PhpRequest(_texts(_parse_pairs(body)))
    if kind == b"multipart/form-data":
        return _parse_multipart(body, content_type)
    if kind == b"application/json":
        return PhpRequest(json=json.loads(body.decode("utf-8")))
    return PhpRequest()


def _texts(array: PhpArray) -> TextArray:
    return {
        key.decode("utf-8"): _texts(value) if isinstance(value, dict) else value.decode("utf-8")
        for key, value in array.items()
    }


def _parse_pairs(data: bytes) -> PhpArray:
    variables: PhpArray = {}
    for pair in data.split(b"&"):
        if not pair:
            continue
        at = pair.find(b"=")
        name, value = (pair, b"") if at < 0 else (pair[:at], pair[at + 1 :])
        register_variable(_url_decoded(name), _url_decoded(value), variables)
    return variables


def _url_decoded(data: bytes) -> bytes:
    out = bytearray()
    at = 0
    while at < len(data):
        byte = data[at : at + 1]
        if byte == b"+":
            out += b" "
        elif byte == b"%" and len(digits := data[at + 1 : at + 3]) == 2 and all(digit in _HEX for digit in digits):
            out.append(int(digits, 16))
            at += 2
        else:
            out += byte
        at += 1
    return bytes(out)


def register_variable(name: bytes, value: bytes, variables: PhpArray) -> None:
    """``php_register_variable_ex``: C strings end at NUL; blanks and dots before the first bracket become ``_``."""
    name = name.split(b"\0")[0].lstrip(b" ")
    cut = name.find(b"[")
    base = (name if cut < 0 else name[:cut]).replace(b" ", b"_").replace(b".", b"_")
    rest = b"" if cut < 0 else name[cut:]
    if not base:
        return
    target, key = variables, base
    while rest.startswith(b"["):
        at = 2 if rest[1:2] and rest[1:2] in _SPACE else 1
        if rest[at : at + 1] == b"]":
            index, end = b"", at
        else:
            end = rest.find(b"]", at)
            if end < 0:
                # An unclosed bracket: the whole rest belongs to the name.
                if target is variables:
                    key += b"_" + rest[1:].replace(b" ", b"_").replace(b".", b"_").replace(b"[", b"_")
                break
            index = rest[1:end]
        inner = target.get(key)
        if not isinstance(inner, dict):
            inner = target[key] = {}
        target, key = inner, index or _next_index(inner)
        rest = rest[end + 1 :]
    target[key] = value


def _next_index(array: PhpArray) -> bytes:
    numbers = [int(key) for key in array if key.isdigit() and str(int(key)).encode() == key]
    return str(max(numbers, default=-1) + 1).encode()


def _parse_multipart(body: bytes, content_type: bytes) -> PhpRequest:
    boundary = content_type.split(b"boundary=")[1].strip(b'"')
    variables: PhpArray = {}
    files: dict[str, tuple[str, bytes]] = {}
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert parts[0] == b""
    assert parts[-1].startswith(b"--")
    for part in parts[1:-1]:
        assert part.startswith(b"\r\n")
        head, _, content = part[2:].partition(b"\r\n\r\n")
        parameters = _disposition(head)
        if (filename := parameters.get(b"filename")) is None:
            register_variable(parameters[b"name"], content, variables)
        else:
            base = filename.replace(b"\\", b"/").rsplit(b"/", 1)[-1]
            files[parameters[b"name"].decode()] = (base.decode("utf-8"), content)
    return PhpRequest(_texts(variables), files)


def _disposition(head: bytes) -> dict[bytes, bytes]:
    """Parameters of Content-Disposition: split at ``;`` outside quotes, a backslash takes away a quote's meaning."""
    lines = {name.lower(): value for name, _, value in (line.partition(b":") for line in head.split(b"\r\n"))}
    parameters: dict[bytes, bytes] = {}
    rest = lines[b"content-disposition"]
    while rest:
        word, rest = _word(rest)
        name, equals, value = word.strip(_SPACE).partition(b"=")
        if equals:
            parameters[name.lower()] = _unquoted(value)
    return parameters


def _word(text: bytes) -> tuple[bytes, bytes]:
    at = 0
    while at < len(text) and text[at : at + 1] != b";":
        quote = text[at : at + 1]
        at += 1
        if quote not in (b'"', b"'"):
            continue
        while at < len(text) and text[at : at + 1] != quote:
            at += 2 if text[at : at + 2] == b"\\" + quote else 1
        at += 1
    return text[:at], text[at + 1 :].lstrip(b" ;")


def _unquoted(value: bytes) -> bytes:
    value = value.lstrip(_SPACE)
    quote = value[:1]
    if quote not in (b'"', b"'"):
        return value.split(b" ")[0]
    out = bytearray()
    at = 1
    while at < len(value) and value[at : at + 1] != quote:
        if value[at : at + 2] in (b"\\\\", b"\\" + quote):
            at += 1
        out += value[at : at + 1]
        at += 1
    return bytes(out)
