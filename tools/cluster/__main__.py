"""``make cluster``: install Celery and PostgreSQL's drivers beside Airflow, and run :mod:`.campaign` there.

The exit code is 0 when all holds, 1 after a violation, 2 without the servers.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tools.check_package import clean_variables
from tools.cluster.airflow import PACKAGES, ROOT
from tools.cluster.services import MissingServicesError, check_installed
from tools.compat import installed


def main() -> int:
    """Run it; return the exit code."""
    try:
        check_installed()
    except MissingServicesError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 2
    python = installed(ROOT / "constraints" / "airflow-3.3.txt", *PACKAGES)
    variables = clean_variables(os.environ, ROOT / ".cache" / "cluster")
    command = [str(python), "-m", "tools.cluster.campaign", *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
