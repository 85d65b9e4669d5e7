from __future__ import annotations

import io

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given, settings

from airflow_provider_directcall.campaigns.contacts.csv_rows import csv_batches
from airflow_provider_directcall.campaigns.contacts.reading import ContactFiles
from airflow_provider_directcall.campaigns.contacts.rows import BAD, FILE, ROW
from airflow_provider_directcall.campaigns.contacts.text_form import copy_as_utf8
from airflow_provider_directcall.campaigns.errors import ContactsError


@pytest.fixture
def read(tmp_path):
    """Read a file of these bytes: its rows as dictionaries, and its form."""

    def read(content: bytes, size: int = 2):
        copy = tmp_path / "copy.csv"
        form = copy_as_utf8(io.BytesIO(content), copy)
        return [row for batch in csv_batches(copy, form.separator, size) for row in batch.iter_rows(named=True)], form

    return read


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_write(read, separator, encoding, line_end):
    text = line_end.join([f"id{separator}nome", f'1{separator}"João, da; Conceição"', f"007{separator}NA", ""])
    rows, form = read(text.encode(encoding))
    assert [(row["id"], row["nome"]) for row in rows] == [("1", "João, da; Conceição"), ("007", "NA")]
    assert [row[ROW] for row in rows] == [1, 2]
    assert form.separator == separator
    assert form.encoding == encoding.removesuffix("-sig")


def test_a_cp1252_character_late_in_a_large_file(read):
    rows, form = read(b"id;nome\n" + b"1;Ana\n" * 400_000 + "2;Conceição\n".encode("cp1252"), size=50_000)
    assert form.encoding == "cp1252"
    assert (len(rows), rows[-1]["nome"]) == (400_001, "Conceição")


def test_a_broken_row_is_named_and_the_others_are_read(read):
    rows, _ = read(b'id,nome\n1,Ana\n2,Bia,x\n3,"Caio"s\n4,Duda\n5\n\n6,"E\nF"\n')
    assert [row["nome"] for row in rows if row[BAD] is None and row["id"]] == ["Ana", "Duda", None, "E\nF"]
    assert [(row[ROW], row[BAD]) for row in rows if row[BAD]] == [
        (2, "the row has 3 fields, and the header 2"),
        (3, "the row is no valid CSV"),
    ]


def test_a_quote_that_never_closes_is_an_error_and_names_its_line(read):
    with pytest.raises(ContactsError, match="the quote that opens in line 3 never closes"):
        read(b'id,nome\n1,Ana\n2,"Bia\n3,Caio\n4,Duda\n')


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b" \n \n", "the file is empty"),
        (b"PAR1\x00\x00", "no text: it holds zero bytes"),
        (b"id,nome\n1,\x81\n", "neither UTF-8 nor cp1252"),
        (b"id,id\n1,2\n", "a column twice: id"),
        (b",,\n1,2,3\n", "no header"),
        (b"id,_row\n1,2\n", "a column named _row"),
        (b"Ana;(11) 99000-0001\nGil;(11) 99000-0002\n", "the first line holds a number"),
    ],
)
def test_what_cannot_be_read_says_why(read, content, reason):
    with pytest.raises(ContactsError, match=reason) as caught:
        read(content)
    assert "Ana" not in str(caught.value)
    assert "99000" not in str(caught.value)


def test_a_header_without_rows(read):
    assert read(b"id;nome\n")[0] == []


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0\r\ufeff"), max_size=8
).map(str.strip)


@given(
    table=st.lists(st.tuples(texts, texts), min_size=1, max_size=12),
    separator=st.sampled_from(",;"),
    size=st.integers(1, 5),
)
@settings(deadline=None)
def test_any_text_comes_back_as_it_was(tmp_path_factory, table, separator, size):
    quoted = ["".join(['"', field.replace('"', '""'), '"']) for row in table for field in row]
    lines = [separator.join(quoted[place : place + 2]) for place in range(0, len(quoted), 2)]
    copy = tmp_path_factory.mktemp("contacts") / "copy.csv"
    copy_as_utf8(io.BytesIO("\n".join([f"a{separator}b", *lines]).encode()), copy)
    read = [
        (row["a"] or "", row["b"] or "")
        for batch in csv_batches(copy, separator, size)
        for row in batch.iter_rows(named=True)
    ]
    assert read == table


@pytest.fixture
def read_files(tmp_path):
    """Read files of these names and contents: all rows, and what was read."""

    def read_files(**contents: bytes):
        paths = []
        for name, content in contents.items():
            paths.append(tmp_path / name.replace("__", "."))
            paths[-1].write_bytes(content)
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        files = ContactFiles(paths, scratch, batch_rows=2)
        rows = [row for batch in files.batches() for row in batch.iter_rows(named=True)]
        assert list(scratch.iterdir()) == []
        return rows, files.read

    return read_files


def parquet(**columns) -> bytes:
    content = io.BytesIO()
    pl.DataFrame(columns).write_parquet(content)
    return content.getvalue()


def test_csv_json_lines_and_parquet_are_read_alike(read_files):
    rows, read = read_files(
        a__csv=b"id,phone\n1,11990000001\n",
        b__jsonl=b'{"id": 2, "phone": 11990000002}\n\n{"id": "3", "phone": null}\n',
        c__parquet=parquet(id=[4], phone=[11990000004]),
    )
    assert [(row[FILE], row[ROW], row["id"], row["phone"]) for row in rows] == [
        ("a.csv", 1, "1", "11990000001"),
        ("b.jsonl", 1, "2", "11990000002"),
        ("b.jsonl", 2, "3", None),
        ("c.parquet", 1, "4", "11990000004"),
    ]
    assert [file.form for file in read] == ["utf-8, separated by ,", "JSON lines, utf-8", "Parquet"]


def test_numbers_of_json_and_parquet_keep_the_decimal_point_that_gives_them_away(read_files):
    rows, _ = read_files(
        a__jsonl=b'{"phone": 1199000001.0}\n{"phone": 5.51199E+12}\n', b__parquet=parquet(phone=[1199000001.0])
    )
    assert [row["phone"] for row in rows] == ["1199000001.0", "5.51199E+12", "1199000001.0"]


def test_a_broken_line_of_json_is_named_and_the_others_are_read(read_files):
    rows, _ = read_files(a__jsonl=b'{"id": 1}\n{"id": \n[1]\n{"id": [1]}\n' + b"[" * 5000 + b'\n{"id": true}\n')
    assert [row["id"] for row in rows] == ["1", None, None, None, None, "true"]
    assert [row[BAD] for row in rows[1:5]] == [
        "the line is no valid JSON",
        "the line is no object",
        "id holds more than one value",
        "the line is no valid JSON",
    ]


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ({"a__csv": b"id\n1\n", "b__csv": b"id,phone\n1,2\n"}, "b.csv: its columns are not those of the first file"),
        ({"a__parquet": b"PAR1 secret"}, r"a.parquet: it is no valid Parquet file \(ComputeError\)"),
        ({"a__jsonl": b"1\n"}, "a.jsonl: no line of the file is an object"),
        ({"a__csv": b""}, "a.csv: the file is empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(read_files, contents, reason):
    with pytest.raises(ContactsError, match=reason):
        read_files(**contents)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ContactsError, match=r"missing.csv: No such file or directory"):
        list(ContactFiles([tmp_path / "missing.csv"], tmp_path).batches())
