"""tools.compat: the Airflows that it checks, and their environments."""

from __future__ import annotations

from pathlib import Path

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

    def check(constraints: Path, arguments: list[str]) -> bool:
        checked.append((constraints.stem, arguments))
        return passing[len(checked) - 1]

    monkeypatch.setattr(compat, "check", check)
    assert compat.main(["-x"]) == code
    assert checked == [(f"airflow-3.{minor}", ["-x"]) for minor in (1, 2, 4)]
    assert capsys.readouterr().out.strip() == ("compat failed" if code else "compat passed")
