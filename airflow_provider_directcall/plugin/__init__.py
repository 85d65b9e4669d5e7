"""The plugin for Airflow's API server: the page "Telephony", and the receiver of Directcall's webhooks, off by default.

Every process of Airflow imports this module, so it imports next to nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowPlugin

PAGE_PREFIX: Final = "/directcall/ui"


class DirectcallPlugin(AirflowPlugin):
    """Adds the page, and the receiver if ``[directcall] webhook_conn_id`` is set."""

    name = "directcall"

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # a list in AirflowPlugin; made when it is read
        """Applications to mount; no receiver without a connection for its credentials."""
        from airflow.providers.common.compat.sdk import conf

        from airflow_provider_directcall.plugin.page import page_app

        # Before the receiver: the first prefix that fits takes a request.
        apps = [{"name": "Directcall page", "app": page_app(), "url_prefix": PAGE_PREFIX}]
        conn_id = (conf.get("directcall", "webhook_conn_id", fallback="") or "").strip()
        if conn_id:
            from airflow_provider_directcall.plugin.doorbells import receiver_app

            apps.append({"name": "Directcall webhooks", "app": receiver_app(conn_id), "url_prefix": "/directcall"})
        return apps

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]  # a list in AirflowPlugin; made when it is read
        """The page in the navigation, and as a tab of a DAG run."""
        from airflow.providers.common.compat.sdk import conf

        # Airflow resolves ``href`` by its base address, but not the icons.
        base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
        page = f"{PAGE_PREFIX.removeprefix('/')}/"
        icons = {
            "icon": f"{base}{PAGE_PREFIX}/static/phone.svg",
            "icon_dark_mode": f"{base}{PAGE_PREFIX}/static/phone-dark.svg",
        }
        return [
            {
                "name": "Telephony",
                "href": page,
                "url_route": "directcall",
                "destination": "nav",
                "category": "browse",
                **icons,
            },
            {
                "name": "Telephony",
                "href": f"{page}?view=run&dag={{DAG_ID}}&run={{RUN_ID}}",
                "url_route": "directcall-run",
                "destination": "dag_run",
                **icons,
            },
        ]
