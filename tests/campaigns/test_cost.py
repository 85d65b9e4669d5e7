"""The cost of a plan is the bill of the sandbox, which counts for itself: over HTTP, for texts of every alphabet."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.api.methods import list_messages
from airflow_provider_directcall.sandbox.sms_parts import charged_parts
from airflow_provider_directcall.telephony.segments import PROFILES, parts

from .campaign_world import ORIGIN, CampaignWorld

#: GSM 7, its extension table, letters with accents, other scripts, emoji and characters of several code points.
_RUNS = [*"aéàÇ€[^\\ãçÕº“…ﬁЖ中😀", "\u2013", "\u0301", "👍🏽", "🇧🇷"]
texts = (
    st.lists(st.tuples(st.sampled_from(_RUNS), st.integers(1, 170)), min_size=1, max_size=4)
    .map(lambda runs: "".join(run * times for run, times in runs))
    .filter(lambda text: len(text) <= 600 and text.strip())
)
#: How a plan counts, and how the sandbox does.
COUNTINGS = [("directcall", "characters"), ("gsm", "network")]


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    return CampaignWorld(directcall_sandbox, tmp_path)


def bill(world) -> Decimal:
    """Return the sum of the prices that the statement shows."""

    async def listed(client):
        since = world.clock.now().replace(hour=0, minute=0)
        return [row async for row in client.rows(list_messages(since, world.clock.now()))]

    return sum((row.price_brl for row in world.run(listed)), Decimal(0))


@pytest.mark.parametrize(("profile", "counting"), COUNTINGS)
@pytest.mark.parametrize("keeps_accents", [False, True])
@given(drawn=st.lists(texts, min_size=1, max_size=6))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_cost_of_a_plan_is_the_bill_to_the_cent(
    directcall_sandbox, tmp_path_factory, profile, counting, keeps_accents, drawn
):
    directcall_sandbox.reset()
    directcall_sandbox.configure(sms_counting=counting)
    world = CampaignWorld(directcall_sandbox, tmp_path_factory.mktemp("campaign"))
    made = world.planned(
        table(drawn), text=None, text_column="text", keeps_accents=keeps_accents, profile=PROFILES[profile]
    )
    assert made.states.keys() <= {"accepted", "rejected"}
    assume("accepted" in made.states)
    world.send_in_full("chunks/00000.parquet")
    directcall_sandbox.advance(3600)
    assert len(directcall_sandbox.state()["messages"]) == made.states["accepted"]
    assert bill(world) == made.cost_brl


def table(drawn) -> str:
    content = io.StringIO()
    rows = csv.writer(content, delimiter=";")
    rows.writerow(["id", "phone", "text"])
    rows.writerows((place, f"119900{place:05}", text) for place, text in enumerate(drawn, start=1))
    return content.getvalue()


@given(text=texts, origin=st.sampled_from(["", "LOJA", ORIGIN]))
@settings(deadline=None, max_examples=300)
@pytest.mark.parametrize(("profile", "counting"), COUNTINGS)
def test_both_sides_count_the_same_parts(text, origin, profile, counting):
    counted = parts(text, PROFILES[profile], origin_length=len(origin))
    assert counted == charged_parts(text, origin, counting)
