"""tools.compat: the Airflows that it checks, and their environments."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import compat


def test_all_supported_airflows_but_that_of_make() -> None:
    assert [path.stem for path in compat.other_airflows()] == ["airflow-3.1", "airflow-3.2", "airflow-3.4"]


def test_other_requirements_have_another_environment(tmp_path: Path) -> None:
    constraints = tmp_path / "airflow-3.1.txt"
    constraints.write_text("apache-airflow==3.1.0\n")
    before = compat.environment_of(constraints)
    assert compat.environment_of(constraints) == before
    constraints.write_text("apache-airflow==3.1.1\n")
    assert compat.environment_of(constraints) != before


@pytest.mark.parametrize(
    ("passing", "code"), [((True, True, True), 0), ((False, True, True), 1), ((True, True, False), 1)]
)
def test_every_airflow_is_checked_after_a_failure_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], passing: tuple[bool, ...], code: int
) -> None:
    checked: list[tuple[str, list[str]]] = []

    def check(constraints: Path, arguments: list[str], *, only_rooms: bool) -> bool:
        checked.append((constraints.stem, arguments))
        return passing[len(checked) - 1] and not only_rooms

    monkeypatch.setattr(compat, "check", check)
    assert compat.main(["-x"]) == code
    assert checked == [(f"airflow-3.{minor}", ["-x"]) for minor in (1, 2, 4)]
    assert capsys.readouterr().out.strip() == ("compat failed" if code else "compat passed")


@pytest.mark.parametrize("minors", [["3.4"], ["3.1", "3.4"], ["3.0"]])
def test_minors_can_be_chosen(monkeypatch: pytest.MonkeyPatch, minors: list[str]) -> None:
    checked: list[str] = []

    def check(constraints: Path, arguments: list[str], *, only_rooms: bool) -> bool:
        checked.append(constraints.stem)
        return only_rooms

    monkeypatch.setattr(compat, "check", check)
    chosen = [argument for minor in minors for argument in ("--airflow", minor)]
    assert compat.main(["--rooms", *chosen]) == (minors == ["3.0"])
    assert checked == [f"airflow-{minor}" for minor in minors if minor != "3.0"]


@pytest.mark.parametrize(("codes", "passed"), [((0, 0), True), ((1, 0), False), ((0, 1), False)])
def test_the_matrix_runs_after_a_failure_too(
    monkeypatch: pytest.MonkeyPatch, codes: tuple[int, ...], passed: bool
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(returncode=codes[len(commands) - 1])

    monkeypatch.setattr(compat, "installed", lambda constraints: Path("python"))
    monkeypatch.setattr(compat, "_run", run)
    assert compat.check(Path("airflow-3.1.txt"), ["-x"]) is passed
    assert [command[-1] for command in commands] == ["-x", "-x"]
    assert "tests/sensors" in commands[0]
    assert "tests/processes/test_delivery_faults.py" in commands[1]


def test_the_rooms_exist() -> None:
    assert [room for room in compat._ROOMS if not (compat.ROOT / room).exists()] == []
