"""Checks of the scripts in ``tools/``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.check_package import (
    DISTRIBUTION,
    HOOK,
    PackageError,
    clean_variables,
    contents_faults,
    parse_rows,
    provider_faults,
)
from tools.constraints import UnpinnedLineError, pins
from tools.coverage_gate import limit, main
from tools.demo import _last_errors

WHEEL = [
    "airflow_provider_directcall/__init__.py",
    "airflow_provider_directcall/provider_info.py",
    "airflow_provider_directcall/py.typed",
    "airflow_provider_directcall-0.1.0.dist-info/entry_points.txt",
    "airflow_provider_directcall-0.1.0.dist-info/licenses/LICENSE",
    "airflow_provider_directcall-0.1.0.dist-info/licenses/NOTICE",
]
PROVIDERS = [{"package_name": "other", "version": "9"}, {"package_name": DISTRIBUTION, "version": "0.1.0"}]
HOOKS = [{"connection_type": "smtp", "class": "SmtpHook"}, {"connection_type": "directcall", "class": HOOK}]


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://index.example/simple",
        "phonenumbers @ https://files.example/phonenumbers.whl",
        "-e .",
        "phonenumbers>=9",
        "phonenumbers==9.0.1 --hash=sha256:00",
        "./phonenumbers.whl",
    ],
)
def test_constraints_refuse_what_is_not_a_pin(line: str) -> None:
    with pytest.raises(UnpinnedLineError, match="expected name==version"):
        pins(f"httpx==0.28.1\n{line}\n")


def test_constraints_keep_pins_with_their_markers() -> None:
    lines = ["httpx==0.28.1", "uvloop==0.23.0 ; sys_platform != 'win32'", "pytz==2026.1.post1"]

    assert pins("\n".join(lines) + "\n\n") == lines


@pytest.mark.parametrize("missing", WHEEL[1:])
def test_a_wheel_must_hold_what_users_need(missing: str) -> None:
    faults = contents_faults([name for name in WHEEL if name != missing], "0.1.0")

    assert faults == [f"the wheel lacks {missing}"]


@pytest.mark.parametrize("stranger", ["tests/test_x.py", "tools/x.py", "airflow_provider_directcall/tests/x.py"])
def test_a_wheel_must_hold_nothing_else(stranger: str) -> None:
    (fault,) = contents_faults([*WHEEL, stranger], "0.1.0")

    assert stranger in fault


def test_a_good_wheel_has_no_faults() -> None:
    assert contents_faults(WHEEL, "0.1.0") == []


def test_a_provider_that_airflow_does_not_list_is_a_fault() -> None:
    faults = provider_faults(PROVIDERS[:1], HOOKS[:1], "0.1.0")

    assert len(faults) == 2


def test_a_stale_version_is_a_fault() -> None:
    (fault,) = provider_faults(PROVIDERS, HOOKS, "0.2.0")

    assert "0.1.0" in fault
    assert "0.2.0" in fault


def test_a_hook_that_does_not_import_is_a_fault() -> None:
    broken = [{"connection_type": "directcall", "class": "ERROR while importing hook"}]

    (fault,) = provider_faults(PROVIDERS, broken, "0.1.0")

    assert "ERROR" in fault


def test_a_listed_provider_has_no_faults() -> None:
    assert provider_faults(PROVIDERS, HOOKS, "0.1.0") == []


def test_rows_are_read_below_log_lines() -> None:
    assert parse_rows(f"[2026-11-22] a log line\n{json.dumps(PROVIDERS)}\n") == PROVIDERS


def test_no_rows_is_an_error_that_shows_the_answer() -> None:
    with pytest.raises(PackageError, match="nothing here"):
        parse_rows("nothing here\n")


def test_a_clean_environment_is_free_of_the_developers_airflow() -> None:
    mine = {"PATH": "/bin", "AIRFLOW_CONN_X": "secret", "PYTHONPATH": "/src", "AIRFLOW_HOME": "/home/me"}

    assert clean_variables(mine, Path("/tmp/x")) == {"PATH": "/bin", "AIRFLOW_HOME": "/tmp/x"}


def report(folder: Path, taken: int, branches: int) -> Path:
    path = folder / "coverage.json"
    totals = {"num_branches": branches, "covered_branches": taken}
    path.write_text(json.dumps({"totals": totals}), encoding="utf-8")
    return path


@pytest.mark.parametrize(("taken", "code"), [(94, 1), (95, 0), (100, 0)])
def test_the_coverage_gate_closes_below_the_limit(tmp_path: Path, taken: int, code: int) -> None:
    assert limit() == 95
    assert main([str(report(tmp_path, taken, 100))]) == code


def test_the_coverage_gate_does_not_pass_an_empty_measurement(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no branches"):
        main([str(report(tmp_path, 0, 0))])


def test_a_failed_demo_shows_the_last_errors_of_its_tasks(tmp_path: Path) -> None:
    log = tmp_path / "task_id=call" / "map_index=2" / "attempt=1.log"
    log.parent.mkdir(parents=True)
    cause = {"exc_type": "DirectcallRefused", "exc_value": "code 201"}
    lines = [
        "not JSON",
        *(json.dumps({"level": "error", "event": f"error {number}"}) for number in range(5)),
        json.dumps({"level": "error", "event": "Task failed", "error_detail": [cause]}),
        json.dumps({"level": "info", "event": "the end"}),
    ]
    log.write_text("\n".join(lines), encoding="utf-8")
    assert _last_errors(tmp_path, ["call", "without a log"]) == [
        "call: error 3",
        "call: error 4",
        "call: Task failed; DirectcallRefused: code 201",
    ]
