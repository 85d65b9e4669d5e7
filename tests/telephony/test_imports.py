"""Heavy libraries are imported when they are needed: parsing a DAG must stay cheap."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {"phonenumbers", "holidays", "airflow", "httpx", "pendulum"}


def loaded_by(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the heavy packages it imported."""
    report = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return HEAVY & set(json.loads(done.stdout))


PACKAGE = "airflow_provider_directcall.telephony"


def test_importing_loads_no_heavy_library():
    assert loaded_by(f"import {PACKAGE}.numbers, {PACKAGE}.areas, {PACKAGE}.holidays") == set()


def test_ordinary_numbers_are_read_without_the_phonenumbers_library():
    code = f"""
from {PACKAGE}.numbers import parse_did, parse_number, CALLABLE
for text in ("5511990000001", "554130000001", "(11) 99000-0001", "0 41 11 99000-0001", "ip4130000001"):
    parse_number(text, allow=CALLABLE)
parse_did("4130000001")
"""
    assert loaded_by(code) == set()


def test_the_probe_sees_a_library_that_is_loaded():
    assert loaded_by(f"from {PACKAGE}.numbers import parse_did\nparse_did('08000000001')") == {"phonenumbers"}
