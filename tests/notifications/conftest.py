"""The fixtures of :mod:`tests.airflow_world`."""

from ..airflow_world.fixtures import *  # noqa: F403
