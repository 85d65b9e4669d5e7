from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.errors import CampaignError, ContactsError
from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.telephony.segments import PROFILES
from airflow_provider_directcall.telephony.windows import PRESETS, Window

from .planning_world import planned_csv


@pytest.fixture
def planned(tmp_path):
    """Plan a CSV text: the plan, its accepted rows, and the others by row."""

    def planned(contacts: str, /, **settings):
        campaign = planned_csv(tmp_path, contacts, **settings)
        return campaign.made, campaign.accepted, campaign.others

    return planned


def rows(*lines: str) -> str:
    return "\n".join(["id;phone;name;day", *lines, ""])


def test_each_contact_is_accepted_or_named_with_its_reason(planned):
    made, accepted, others = planned(
        rows(
            "1;(11) 99000-0001;João;12/03",
            "2;1199000001;Ana;12/03",
            "3;;Ana;12/03",
            "4;11990000004;;12/03",
            ";11990000005;Ana;12/03",
            "6;1130000001;Ana;12/03",
            "7;11990000007;Ana;12/03;x",
            "8;11990000008;Ana;12/03",
            "9;11990000009;Ana;12/03",
        ),
        suppressed=["5511990000008"],
        opted_out=["5511990000009"],
    )
    assert others[8]["reason"] == "on suppression list blocked.csv"
    assert accepted.select("id", "number", "text", "parts").rows() == [
        ("1", "5511990000001", "Ola Joao, ate 12/03.", 1)
    ]
    assert {row: other["state"] for row, other in others.items()} == {
        **dict.fromkeys([2, 3, 4, 5, 6, 7], "rejected"),
        8: "suppressed",
        9: "opted_out",
    }
    reasons = [others[row]["reason"] for row in range(2, 8)]
    assert "needs the leading 9" in reasons[0]
    assert reasons[1:4] == [
        "the number is missing",
        "the column name is empty, and the text needs it",
        "the id is missing",
    ]
    assert "fixed-line numbers are not allowed here" in reasons[4]
    assert reasons[5] == "the row has 5 fields, and the header 4"
    assert made.states == {"accepted": 1, "rejected": 6, "suppressed": 1, "opted_out": 1}
    assert made.contacts == 9
    assert sum(made.reasons.values()) == 7


def test_a_repeated_contact_is_one_and_a_rejected_row_blocks_no_other(planned):
    _, accepted, others = planned(
        rows(
            "1;11990000001;Ana;1",
            "1;11990000002;Ana;1",  # the id again
            "2;11990000001;Ana;1",  # the number again
            "3;11990000002;Ana;1",  # its number was in a duplicate only
            "4;11990000004;;1",  # rejected
            "4;11990000004;Bia;1",
        )
    )
    assert accepted["id"].to_list() == ["1", "3", "4"]
    assert [others[row]["state"] for row in (2, 3, 5)] == ["duplicate", "duplicate", "rejected"]
    assert [others[row]["reason"] for row in (2, 3)] == [
        "same id as row 1 of contacts.csv",
        "same number as row 1 of contacts.csv",
    ]


def test_counts_of_reasons_have_neither_rows_nor_the_words_of_a_list(planned):
    lines = [f"{number};1199000000{number % 4};Ana;1" for number in range(1, 10)]
    made, _, others = planned(rows(*lines), entries="11990000001;asked (Joana)\n11990000002;procon\n")
    assert [others[row]["reason"] for row in (1, 5, 2, 7, 8)] == [
        "on suppression list blocked.csv (asked [Joana])",
        "on suppression list blocked.csv (asked [Joana])",
        "on suppression list blocked.csv (procon)",
        "same number as row 3 of contacts.csv",
        "same number as row 4 of contacts.csv",
    ]
    assert made.reasons == {"on suppression list blocked.csv": 5, "same number as an earlier row": 2}


def test_several_number_columns_are_tried_in_order(planned):
    text = "id;phone;other\n1;;11990000001\n2;11990000002;11990000003\n3;1;2\n"
    _, accepted, others = planned(text, text="Ola", number_columns=("phone", "other"))
    assert accepted["number"].to_list() == ["5511990000001", "5511990000002"]
    assert list(others) == [3]


def test_contacts_wait_for_the_window_of_their_own_zone(planned):
    _, accepted, _ = planned(
        rows("1;11990000001;Ana;1", "2;68990000001;Ana;1"),
        now=datetime(2026, 3, 4, 12, tzinfo=UTC),
        window=PRESETS["strict"],
    )
    assert [moment.hour for moment in accepted["opens_at"]] == [12, 14]


def test_a_window_that_never_opens_stops_the_plan(planned):
    with pytest.raises(CampaignError, match="window: never does not open anywhere within a year"):
        planned(rows("1;11990000001;Ana;1"), window=Window("never", {}))


def test_a_number_abroad_has_no_known_window(planned):
    text = rows("1;+1 212 555 0100;Ana;1", "2;11990000002;Ana;1")
    assert planned(text)[1]["number"].to_list() == ["0012125550100", "5511990000002"]
    assert "time zone of a number abroad" in planned(text, window=PRESETS["strict"])[2][1]["reason"]


def test_chunks_hold_so_many_contacts_and_digests_change_with_everything_sent(planned):
    lines = [f"{number};1199000{number:04};Ana;1" for number in range(1, 12)]
    made, accepted, _ = planned(rows(*lines), chunk_size=4)
    assert [chunk.contacts for chunk in made.chunks] == [4, 4, 3]
    assert accepted["id"].to_list() == [str(number) for number in range(1, 12)]
    digests = {made.digest, planned(rows(*lines), chunk_size=4, text="Oi {name}")[0].digest}
    digests |= {planned(rows(*lines[:-1]), chunk_size=4)[0].digest, planned(rows(*lines), chunk_size=5)[0].digest}
    assert len(digests) == 4
    assert planned(rows(*lines), chunk_size=4)[0].digest == made.digest


def test_a_plan_that_fails_leaves_no_numbers_behind(planned, tmp_path):
    lines = [f"{number};1199000{number:04};Ana;1" for number in range(1, 9)]
    planned(rows(*lines), chunk_size=1)
    with pytest.raises(ContactsError, match="never closes"):
        planned(rows(*lines, '9;"11990000009;Ana;1'), chunk_size=1)
    assert not [path for path in (tmp_path / "plan").rglob("*") if path.is_file()]


def test_cost_and_parts(planned):
    made, _, _ = planned(rows("1;11990000001;Ana;1"), text="a" * 200, origin="LOJA", price_brl=Decimal("0.09"))
    assert (made.parts, made.cost_brl) == (2, Decimal("0.18"))


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("a" * 697, {"origin": "LOJA"}, "the text is longer than 696 characters"),
        ("a" * 701, {"channel": Channel.VOICE_MESSAGE}, "the text is longer than 700 characters"),
        ("a" * 701, {"profile": PROFILES["gsm"]}, "the text is longer than 700 characters"),
        ("\u2026" * 234, {"origin": ""}, "the text is longer than 700 characters"),
        ("\u0301", {}, "nothing is left of the text without accents and marks"),
    ],
)
def test_a_text_that_the_vendor_would_refuse_is_rejected(planned, text, options, reason):
    contacts = rows(f"1;11990000001;Ana;{text}", "2;11990000002;Ana;1")
    made, _, others = planned(contacts, text=None, text_column="day", **options)
    assert (made.states, others[1]["reason"]) == ({"accepted": 1, "rejected": 1}, reason)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"number_columns": ("fone",)}, "number_column: the contacts have no column 'fone'; they have id, phone"),
        ({"id_column": "cpf"}, "id_column: the contacts have no column 'cpf'"),
        ({"text": None, "text_column": "msg"}, "text_column: the contacts have no column 'msg'"),
        ({"text": "Oi {nome}"}, r"text: \{nome\} is no column"),
        ({"tags": {"who": "{cpf}"}}, r"tags: who: \{cpf\} is no column"),
        ({"text": " "}, "text: it is empty"),
        ({"text": None}, "give either text or text_column"),
        ({"text_column": "name"}, "give either text or text_column"),
        ({"number_columns": ()}, "number_column: at least one"),
        ({"chunk_size": 0}, "chunk_size: 1 or more"),
    ],
)
def test_wrong_arguments_are_named(planned, settings, reason):
    with pytest.raises(CampaignError, match=reason):
        planned(rows("1;11990000001;Ana;1"), **settings)


def test_a_file_may_have_columns_with_the_names_of_the_plan(planned):
    text = "id;number;text;parts;state;reason\n7;11990000001;Ola;x;SP;none\n8;1;Ola;x;SP;none\n"
    _, accepted, others = planned(text, number_columns=("number",), text="{text} {number} {state} {parts} {reason}")
    assert accepted.select("number", "text", "parts").rows() == [("5511990000001", "Ola 11990000001 SP x none", 1)]
    assert others[2]["reason"] not in {None, "the number is missing"}


def test_the_columns_of_the_file_survive_for_those_who_may_be_fed_back(planned):
    _, accepted, others = planned(rows("1;(11) 99000-0001;João;1", "2;1;Ana;1"))
    names = ["column id", "column phone", "column name", "column day"]
    assert accepted.select(names).rows() == [("1", "(11) 99000-0001", "João", "1")]
    assert [others[2][name] for name in names] == [None] * 4


def test_an_empty_list_is_an_error(planned):
    with pytest.raises(ContactsError, match="the file has no rows"):
        planned(rows())


def test_a_list_without_any_usable_row_is_an_error(planned, tmp_path):
    with pytest.raises(ContactsError) as raised:
        planned(rows("1;;11990000001;1", ";11990000002;Ana;1", ";11990000003;Ana;1", "4;;Ana;1"))
    assert str(raised.value) == (
        "contacts: all 4 rows are rejected: the id is missing (2); the number is missing (2). Look at the columns that "
        "the arguments name"
    )
    assert not [path for path in (tmp_path / "plan").rglob("*") if path.is_file()]


def test_a_list_whose_contacts_are_all_left_out_is_a_plan_without_chunks(planned):
    contacts = rows("1;11990000001;Ana;1", "2;;Ana;1")
    made, accepted, _ = planned(contacts, suppressed=["5511990000001"])
    assert (made.states, made.chunks, accepted) == ({"suppressed": 1, "rejected": 1}, (), None)
    assert made.summary_lines()[-1] == "No contact is left: nothing will be sent."


def test_files_are_private_and_the_summary_holds_no_contact(planned, tmp_path):
    planned(rows("1;11990000001;Joana;12/03", "2;11;Maria;12/03"), tags={"who": "{id}"})
    for path in (tmp_path / "plan").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    summary = (tmp_path / "plan" / "plan.json").read_text()
    assert json.loads(summary)["states"] == {"accepted": 1, "rejected": 1}
    assert not any(secret in summary for secret in ("99000", "Joana", "Maria", "12/03"))


def test_calls_need_no_text_and_reach_fixed_lines(planned):
    _, accepted, _ = planned(rows("1;1130000001;Ana;1"), text=None, channel=Channel.CALL, tags={"customer": "{id}"})
    assert accepted.select("number", "tag customer").rows() == [("551130000001", "1")]


def test_chunks_grow_where_there_would_be_too_many(planned, tmp_path):
    contacts = rows(*(f"{place};119{90000000 + place};Ana;1" for place in range(13)))
    made, accepted, _ = planned(contacts, chunk_size=2, most_chunks=3)
    assert [each.contacts for each in made.chunks] == [6, 4, 3]
    assert accepted["id"].to_list() == [str(place) for place in range(13)]
    assert len(list((tmp_path / "plan" / "chunks").iterdir())) == 3


def test_a_budget_below_one_part_stops_the_plan(planned):
    with pytest.raises(CampaignError, match=r"^budget_brl: 0.05 is below the price of one part, 0.09$"):
        planned(rows("1;11990000001;Ana;1"), price_brl=Decimal("0.09"), budget_brl=Decimal("0.05"))
    with pytest.raises(CampaignError, match=r"^budget_brl: without price_brl"):
        planned(rows("1;11990000001;Ana;1"), budget_brl=Decimal(5))


def test_the_preview_shows_texts_as_they_arrive_and_no_number(planned, tmp_path):
    planned(rows("1;11990000001;<b>José</b>;1", "2;11990000002;Ana;" + "x" * 300))
    page = (tmp_path / "plan" / "preview.html").read_text()
    assert "Ola &lt;b&gt;Jose&lt;/b&gt;, ate 1." in page
    assert "2 contacts, of which 2 accepted." in page
    assert "11990000001" not in page
    assert stat.S_IMODE((tmp_path / "plan" / "preview.html").stat().st_mode) == 0o600


def test_a_plan_is_read_as_it_was_made(planned, tmp_path):
    made, *_ = planned(rows("1;11990000001;José;1"), price_brl=Decimal("0.09"))
    assert CampaignPlan.read(LocalFolder(tmp_path / "plan")) == made
    assert made.transliterated == 1
    with pytest.raises(CampaignError, match="plan: there is none in"):
        CampaignPlan.read(LocalFolder(tmp_path / "other"))
