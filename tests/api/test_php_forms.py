"""The tests' own PHP parser against PHP's known results."""

from __future__ import annotations

import httpx
import pytest

from .php_forms import php_request


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("a=1&a=2", {"a": "2"}),
        ("a.b c=1", {"a_b_c": "1"}),
        ("a[b.c d]=1", {"a": {"b.c d": "1"}}),
        ("a[]=1&a[]=2&a[7]=3&a[]=4", {"a": {"0": "1", "1": "2", "7": "3", "8": "4"}}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a[b=1", {"a_b": "1"}),
        ("a[b]c]=1", {"a": {"b": "1"}}),
        ("a[ ]=1", {"a": {"0": "1"}}),
        ("  a=1&[b]=2&=3", {"a": "1"}),
        ("a%00b=1", {"a": "1"}),
        ("a=%2&b=%zz&c=1+2%2B", {"a": "%2", "b": "%zz", "c": "1 2+"}),
        ("a", {"a": ""}),
        ("a[b]=1&a=2", {"a": "2"}),
    ],
)
def test_query(query, seen) -> None:
    request = httpx.Request("GET", "http://127.0.0.1/")
    request.url = request.url.copy_with(raw_path=b"/?" + query.replace(" ", "%20").encode())
    assert php_request(request).fields == seen


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b'name="a;b=c"', "a;b=c"),
        (b'name="a\\"b"', 'a"b'),
        (b'name="a\\\\b"', "a\\b"),
        (b"name='a\"b'", 'a"b'),
    ],
)
def test_multipart_names(header, name) -> None:
    body = b"--x\r\nContent-Disposition: form-data; " + header + b"\r\n\r\n1\r\n2\r\n--x--\r\n"
    request = httpx.Request(
        "POST", "http://h/", content=body, headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert php_request(request).fields == {name: "1\r\n2"}
