"""Hypothesis strategies for arguments with characters that are hard for forms, URLs and PHP."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from airflow_provider_directcall.telephony.spreadsheets import spreadsheet_form

ZONE = ZoneInfo("America/Sao_Paulo")
_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_no_controls = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='[]"\\')
_awkward_names = st.sampled_from(
    [
        "a.b c",
        "é ã ç",
        "x&y=z+w",
        "100%",
        "%5B",
        "'a'",
        "a;b",
        "😀",
        " lead",
        "0",
        "42",
        "a\u00a0b",
        "data",
        "campos",
        "ção.2",
    ]
)
_awkward = st.sampled_from(
    [
        "a[b]=c&d",
        "[",
        "]",
        "100% + 1 = ?",
        "l1\r\nl2\n",
        "ação 😀",
        '"quoted" \\ \'',
        ";",
        "%00",
        " ",
        "&#39;",
        "--x",
        "a+b",
    ]
)
names = _awkward_names | st.text(_no_controls, min_size=1, max_size=20).filter(
    lambda name: name.strip() and name not in {"search", "'search'"}
)
values = _awkward | st.text(_characters, max_size=40)
texts = values.filter(lambda text: text.strip())
tags = st.none() | st.dictionaries(names, values, max_size=4)
words = st.text(_no_controls, min_size=1, max_size=20).filter(
    lambda text: any(map(str.isalpha, text)) and spreadsheet_form(text) is None
)
ids = st.text("abcdefXYZ0123456789-_./&=+%é", min_size=1, max_size=40)
numbers = st.integers(0, 9999).map(lambda last: f"551199000{last:04d}")
foreign = st.just("0013125550123")
sip = st.just("ip4130000001")
file_bytes = st.binary(min_size=1, max_size=300).map(lambda content: b"\xff\xfb" + content + b"\r\n--x\r\n")
file_names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\/'), min_size=1, max_size=20
).filter(str.strip)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.sampled_from([UTC, ZONE]))
flags = st.booleans()
