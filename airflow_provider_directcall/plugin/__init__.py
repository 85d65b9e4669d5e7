"""The plugin for Airflow's API server: the receiver of Directcall's webhooks, off by default.

Every process of Airflow imports this module, so it imports next to nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin


class DirectcallPlugin(AirflowPlugin):
    """Adds the receiver if ``[directcall] webhook_conn_id`` is set."""

    name = "directcall"

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # a list in AirflowPlugin; a property makes it when the API server reads it
        """Applications to mount; none without a connection for their credentials."""
        from airflow.providers.common.compat.sdk import conf

        conn_id = (conf.get("directcall", "webhook_conn_id", fallback="") or "").strip()
        if not conn_id:
            return []
        from airflow_provider_directcall.plugin.doorbells import receiver_app

        return [{"name": "Directcall webhooks", "app": receiver_app(conn_id), "url_prefix": "/directcall"}]
