from __future__ import annotations

from datetime import date

import pytest

from airflow_provider_directcall.campaigns.contacts.reading import ContactFiles
from airflow_provider_directcall.campaigns.errors import ContactsError
from airflow_provider_directcall.campaigns.suppression import read_suppression

TODAY = date(2026, 3, 4)


@pytest.fixture
def suppressed(tmp_path):
    def suppressed(text: str):
        path = tmp_path / "list.csv"
        path.write_text(text)
        return read_suppression(ContactFiles([path], tmp_path), TODAY)

    return suppressed


@pytest.mark.parametrize(
    "text",
    [
        "number\n(11) 99000-0001\n",
        "id;Numero\n1;+55 11 99000-0001\n",
        "nome,telefone\nAna,011990000001\n",
        "fone;nome\n11990000001;Ana\n",
        "number\n11 99000.0001\n",
    ],
)
def test_numbers_in_any_spelling_and_column(suppressed, text):
    assert suppressed(text).digits == {"5511990000001"}


def test_entries_expire_after_their_day_and_an_unreadable_day_never_does(suppressed):
    read = suppressed(
        "numero;expires;source\n"
        "11990000001;2026-03-03;procon\n11990000002;2026-03-04;\n11990000003;03/03/2026;\n11990000004;soon;\n"
        "11990000005;;\n"
    )
    assert {number[-1] for number in read.digits} == {"2", "4", "5"}
    assert read.expired == 2


@pytest.mark.parametrize("row", ["1199000001", "1199000001.0", "Ana"])
@pytest.mark.parametrize("column", ["numero", "number"])
def test_an_entry_that_cannot_be_read_stops_the_plan_instead_of_being_reached(suppressed, row, column):
    with pytest.raises(ContactsError, match=r"list.csv: row 2: .*; the number it means would be reached") as error:
        suppressed(f"{column}\n11990000001\n{row}\n")
    assert row not in str(error.value)


def test_a_list_without_a_header_stops_the_plan_instead_of_losing_its_first_number(suppressed):
    with pytest.raises(ContactsError, match="the first line holds a number"):
        suppressed("11990000001\n11990000002\n")


def test_blank_rows_are_no_entries(suppressed):
    assert suppressed("numero\n\n11990000001\n \n").digits == {"5511990000001"}
