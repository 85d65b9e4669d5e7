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

    def check(constraints: Path, parts: list[str], arguments: list[str]) -> bool:
        checked.append((constraints.stem, arguments))
        return passing[len(checked) - 1] and parts == ["rooms", "faults", "page"]

    monkeypatch.setattr(compat, "check", check)
    assert compat.main(["-x"]) == code
    assert checked == [(f"airflow-3.{minor}", ["-x"]) for minor in (1, 2, 4)]
    assert capsys.readouterr().out.strip() == ("compat failed" if code else "compat passed")


@pytest.mark.parametrize("minors", [["3.4"], ["3.1", "3.4"], ["3.0"]])
def test_minors_can_be_chosen(monkeypatch: pytest.MonkeyPatch, minors: list[str]) -> None:
    checked: list[str] = []

    def check(constraints: Path, parts: list[str], arguments: list[str]) -> bool:
        checked.append(constraints.stem)
        return parts == ["rooms"]

    monkeypatch.setattr(compat, "check", check)
    chosen = [argument for minor in minors for argument in ("--airflow", minor)]
    assert compat.main(["--part", "rooms", *chosen]) == (minors == ["3.0"])
    assert checked == [f"airflow-{minor}" for minor in minors if minor != "3.0"]


@pytest.mark.parametrize("failing", [None, "rooms", "faults", "page"])
def test_each_part_runs_after_a_failure_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failing: str | None
) -> None:
    parts = list(compat._PARTS)
    commands: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(returncode=parts[len(commands) - 1] == failing)

    monkeypatch.setattr(compat, "installed", lambda constraints: Path("python"))
    monkeypatch.setattr(compat, "_run", run)
    assert compat.check(Path("airflow-3.1.txt"), parts, ["-x"]) is (failing is None)
    assert f"airflow-3.1: {f'failed: {failing}' if failing else 'passed'} (" in capsys.readouterr().out
    assert [command[-1] for command in commands] == ["-x"] * 3
    files = "tests/sensors", "tests/processes/test_delivery_faults.py", "tests/plugin/test_page_in_a_browser.py"
    assert all(file in command for file, command in zip(files, commands, strict=True))


def test_the_rooms_exist() -> None:
    assert [room for room in compat._ROOMS if not (compat.ROOT / room).exists()] == []
