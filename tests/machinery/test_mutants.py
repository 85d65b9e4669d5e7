"""tools.mutants: reading mutmut's results, drawing samples."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

from tools import mutants

NAMES = ["delivery.keys.x_key__mutmut_1", "delivery.record.xǁRecordǁat__mutmut_2", "delivery.keys.x_key__mutmut_3"]


class Mutmut:
    """A fake of the command."""

    def __init__(self, states: dict[str, str]) -> None:
        self.states = states
        self.runs: list[tuple[str, ...]] = []

    def __call__(self, _path: Path, command: str, *arguments: str, check: bool = True) -> str:
        if command == "run":
            self.runs.append(tuple(arguments))
            return ""
        if command == "show":
            return f"diff of {arguments[0]}"
        tried = self.runs[-1]
        return "".join(
            f"    {name}: {state if any(fnmatch(name, pattern) for pattern in tried) else 'not checked'}\n"
            for name, state in self.states.items()
        )


def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **states: str) -> Mutmut:
    mutmut = Mutmut(dict(zip(NAMES, states.values(), strict=True)))
    monkeypatch.setattr(mutants, "_run", mutmut)
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    monkeypatch.setattr(mutants, "installed", lambda *_: tmp_path / "bin" / "python")
    return mutmut


def test_a_sample_is_the_same_for_a_seed() -> None:
    names = [f"m{number}" for number in range(100)]

    drawn = mutants.sample(names, 10, 1)

    assert len(set(drawn)) == 10
    assert mutants.sample(names[::-1], 10, 1) == drawn != mutants.sample(names, 10, 2)
    assert sorted(mutants.sample(names, 200, 1)) == sorted(names)


@pytest.mark.parametrize(
    ("removed", "added", "prose"),
    [
        ('    raise Error("it is lost")', '    raise Error("XXit is lostXX")', True),
        ('    raise Error("It is lost")', '    raise Error("IT IS LOST")', True),
        ('    raise Error("it is lost")', "    raise Error(None)", False),
        ('    ids["callerid"] = 1', '    ids["XXcalleridXX"] = 1', False),
        ("    return a and b", "    return a or b", False),
    ],
)
def test_a_changed_wording_is_not_a_changed_behaviour(removed: str, added: str, prose: bool) -> None:
    diff = f"--- a.py\n+++ a.py\n@@ -1 +1 @@\n def f():\n-{removed}\n+{added}\n"

    assert mutants.changes_prose_only(diff) is prose


@pytest.mark.parametrize("state", ["survived", "no tests", "suspicious"])
def test_a_survivor_fails_and_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    use(monkeypatch, tmp_path, a="killed", b=state, c="killed")

    assert mutants.main(["--sample", "3"]) == 1

    printed = capsys.readouterr().out
    assert f"diff of {NAMES[1]}" in printed
    assert "3 mutants checked, 1 survived;" in printed


def test_no_survivor_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mutmut = use(monkeypatch, tmp_path, a="killed", b="timeout", c="killed")

    assert mutants.main(["--sample", "2", "--seed", "5"]) == 0
    assert mutmut.runs[-1][2:] == tuple(mutants.sample(NAMES, 2, 5))


def test_a_run_without_a_checked_mutant_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, tmp_path, a="killed", b="killed", c="killed")

    assert mutants.main(["another*"]) == 1
