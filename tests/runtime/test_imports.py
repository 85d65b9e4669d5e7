"""The package as Airflow loads it: light imports, errors of its own."""

from __future__ import annotations

import json
import subprocess
import sys

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_directcall import errors
from airflow_provider_directcall.errors import DirectcallError

SURFACE = [
    "assets",
    "decorators.sms",
    "errors",
    "links.recording",
    "notifications.directcall",
    "operators.calls",
    "operators.exports",
    "operators.messages",
    "operators.number_rules",
    "operators.numbers",
    "operators.recordings",
    "operators.sounds",
    "operators.webhooks",
    "plugin",
    "sensors.messages",
    "sensors.recordings",
    "sensors.statement",
    "triggers.alerts",
    "triggers.calls",
    "triggers.message_delivery",
    "triggers.messages",
    "triggers.replies",
    "triggers.settling",
    "triggers.statement",
    "triggers.watchers",
]
IMPORTS = """
import json, sys
import airflow.sdk
from airflow.sdk import BaseOperator, BaseSensorOperator, BaseOperatorLink, PokeReturnValue
import airflow.triggers.base, airflow.sdk.bases.decorator
from airflow.providers.common.compat.sdk import AirflowPlugin, conf
before = set(sys.modules)
for name in {modules!r}:
    __import__("airflow_provider_directcall." + name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_importing_the_surface_loads_next_to_nothing():
    script = IMPORTS.format(modules=SURFACE)
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=120)
    loaded = json.loads(output.stdout.splitlines()[-1])
    ours = [name for name in loaded if name.startswith("airflow_provider_directcall")]
    assert set(loaded) == set(ours)
    routing = ("routing.rules", "routing.plans.changes", "routing.writes.apply")
    api = ("api.client", "api.methods", "api.replies", "api.protocol")
    heavy = ("hooks", "telephony", "sandbox", *routing, *api)
    assert not [
        name for name in ours if name.startswith(tuple(f"airflow_provider_directcall.{part}" for part in heavy))
    ]


def test_every_error_is_a_directcall_error_and_none_is_airflows():
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, DirectcallError)
        assert not issubclass(kind, AirflowException)
