"""Small campaigns on a whole Airflow: under kills and faults, stopped and resumed. ``make campaigns`` has large
ones.

``DIRECTCALL_FAULTS_SEED`` repeats the choices of a day.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench import campaign_faults, campaign_resumed

pytestmark = pytest.mark.live

SEED = os.environ.get("DIRECTCALL_FAULTS_SEED") or str(datetime.now(UTC).date().toordinal())


def test_each_contact_has_one_state_and_leaves_no_trace(tmp_path: Path) -> None:
    arguments = ["--seeds", SEED, "--sms", "400", "--calls", "40", "--home", str(tmp_path / "campaigns")]
    assert campaign_faults.main(arguments) == 0


def test_a_stopped_campaign_goes_on_and_its_list_again_is_of_those_not_reached(tmp_path: Path) -> None:
    arguments = ["--contacts", "600", "--seed", SEED, "--home", str(tmp_path / "campaigns")]
    assert campaign_resumed.main(arguments) == 0
