from __future__ import annotations

from datetime import date

import pytest

from airflow_provider_directcall.campaigns.contacts.reading import ContactFiles
from airflow_provider_directcall.campaigns.errors import ContactsError
from airflow_provider_directcall.campaigns.suppression import SuppressedNumbers

TODAY = date(2026, 3, 4)


@pytest.fixture
def suppressed(tmp_path):
    def suppressed(text: str, only=None):
        path = tmp_path / "list.csv"
        path.write_text(text)
        listed = SuppressedNumbers(only)
        listed.read(ContactFiles([path], tmp_path, batch_rows=2), TODAY)
        return listed

    return suppressed


def numbers_of(listed):
    return {number for number, _ in listed.among(f"551199000000{digit}" for digit in range(10))}


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
    assert numbers_of(suppressed(text)) == {"5511990000001"}


def test_entries_expire_after_their_day_and_an_unreadable_day_never_does(suppressed):
    read = suppressed(
        "numero;expires;source\n"
        "11990000001;2026-03-03;procon\n11990000002;2026-03-04;\n11990000003;03/03/2026;\n11990000004;soon;\n"
        "11990000005;;\n"
    )
    assert {number[-1] for number in numbers_of(read)} == {"2", "4", "5"}
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
    assert numbers_of(suppressed("numero\n\n11990000001\n \n")) == {"5511990000001"}


def test_each_number_has_its_list_and_its_first_source_as_the_reason(suppressed):
    listed = suppressed(
        "number;Source\n11990000001;procon\n11990000002;\n11990000003; asked (by  phone) 5511990000009 \n"
        "11990000001;later\n11990000004;procon\n"
    )
    assert dict(listed.among(f"551199000000{digit}" for digit in range(6))) == {
        "5511990000001": "on suppression list list.csv (procon)",
        "5511990000002": "on suppression list list.csv",
        "5511990000003": "on suppression list list.csv (asked [by phone] 5511*****0009)",
        "5511990000004": "on suppression list list.csv (procon)",
    }
    assert len(listed) == 4


def test_only_the_numbers_that_are_asked_for_are_kept(suppressed):
    rows = "".join(f"1199000000{digit};{'2026-03-03' if digit == 3 else ''}\n" for digit in range(10))
    listed = suppressed("number;expires\n" + rows, only=["5511990000002", "5511990000003", "5511990000099"])
    assert (numbers_of(listed), len(listed), listed.expired) == ({"5511990000002"}, 1, 1)


def test_an_entry_of_another_number_that_cannot_be_read_still_stops_the_task(suppressed):
    with pytest.raises(ContactsError, match="row 2"):
        suppressed("number\n11990000001\n1199000002\n", only=["5511990000001"])
