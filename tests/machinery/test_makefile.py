"""The Makefile's targets and environment."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env=outer | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_old_python_is_named_in_one_line(tmp_path: Path) -> None:
    done = make("install", "PYTHON=false", f"VENV={tmp_path}/venv")

    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if not line.startswith("make")] == [
        "error: no Python 3.11 or newer among: false (choose one: make PYTHON=/path/to/python)"
    ]
    assert not (tmp_path / "venv").exists()


def test_no_target_sees_the_developers_airflow(tmp_path: Path) -> None:
    (tmp_path / "show.mk").write_text("show: ; @env\n", encoding="utf-8")
    mine = {
        "AIRFLOW_HOME": "/home/me/airflow",
        "AIRFLOW_CONN_DIRECTCALL_DEFAULT": "directcall://id:secret@host",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://production",
    }

    shown = make("-f", "Makefile", "-f", str(tmp_path / "show.mk"), "show", **mine)

    seen = [line for line in shown.stdout.splitlines() if line.startswith("AIRFLOW")]
    assert seen == [f"AIRFLOW_HOME={ROOT}/.cache/airflow"]


def test_the_list_of_targets_is_complete() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (declared,) = re.findall(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE)

    shown = re.findall(r"^ +make (\w+) +\S", make("help").stdout, flags=re.MULTILINE)

    assert sorted(shown) == sorted(declared.split())
