"""Types of the hooks' methods, as mypy infers them from the API's methods."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_types_of_the_methods() -> None:
    """``assert_type`` in typed_usage.py holds, and mypy finds each mistake in it (an unused ignore is an error)."""
    root = HERE.parents[1]
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(HERE / "typed_usage.py")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
