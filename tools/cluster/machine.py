"""The names of a cluster's machines, which are processes here. Airflow imports this: see :mod:`.airflow`."""

from __future__ import annotations

import os

VARIABLE = "DIRECTCALL_MACHINE"


def name() -> str:
    """Return the name of this process's machine, for ``[core] hostname_callable``."""
    return os.environ.get(VARIABLE, "control")
