"""Check a tag and a repository before a release: ``python -m tools.release_check v0.1.0 https://github.com/owner/name``."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_DATED = r"^## \[{version}\] - \d{{4}}-\d\d-\d\d$"


def main(tag: str, repository: str) -> int:
    """Print each fault; return the exit code."""
    found = faults(tag, repository)
    for fault in found:
        sys.stderr.write(f"error: {fault}\n")
    return 1 if found else 0


def faults(tag: str, repository: str) -> list[str]:
    """Return the reasons not to release this tag of this repository.

    :param tag: such as ``v0.1.0``.
    :param repository: its address, as in ``[project.urls]``.
    """
    # No import of the package: the check runs before anything is installed.
    source = (ROOT / "airflow_provider_directcall/__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "(.+)"$', source, flags=re.MULTILINE)
    found = [] if tag == f"v{version}" else [f"the tag is {tag}, and the version is {version}"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(_DATED.format(version=re.escape(version)), changelog, flags=re.MULTILINE):
        found.append(f"CHANGELOG.md has no date for {version}")
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    if urls["Repository"] != repository:
        found.append(f"[project.urls] names {urls['Repository']}, and this is {repository}")
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
